"""Packing of texts into fixed-length token blocks: documents are joined by separators and cut, without padding or loss."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from transformers import PreTrainedTokenizerBase

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block, is_held_out
from hf_ssl.data.stream import Sample, Skipped


def content_of(text: str) -> bytes:
    """Return a text as bytes, including unpaired surrogates."""
    return text.encode("utf-8", "surrogatepass")


def is_text_column(kind: pa.DataType) -> bool:
    """Return whether a column holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether a column holds bytes, which may be text in UTF-8."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


@dataclass(frozen=True)
class TextReader:
    """Reads the texts of a block (a `RowReader`).

    Attributes:
        column: name of the text column.
        held_out: side of the hash-based split to use; None uses both.
        strict: stop at the first unusable row instead of counting it.
    """

    column: str
    held_out: bool | None = None
    strict: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the text column."""
        return (self.column,)

    def read(self, block: Block) -> tuple[list[tuple[int, str]], list[Skipped]]:
        """Return (position in the block, text) of the usable rows, and the rows without text."""
        usable, skipped = [], []
        for place, value in enumerate(_binary(block.table, self.column)):
            text = value.decode("utf-8", "replace").replace("\0", " ") if value else ""
            if not text.strip():
                if self.strict:
                    raise UserError(
                        f"row {block.rows[place]} of shard {block.shard} has no text in column '{self.column}'; "
                        "fix the data or pass --bad_rows skip"
                    )
                skipped.append(Skipped(int(block.rows[place]), "no text"))
            elif self.held_out is None or self.held_out == is_held_out(content_of(text)):
                usable.append((place, text))
        return usable, skipped


def _binary(table: pa.Table, column: str) -> list[bytes | None]:
    """Return the raw bytes of a text column: Parquet may hold invalid UTF-8, which Arrow refuses to return as text."""
    kind = table.schema.field(column).type
    if not (is_text_column(kind) or is_bytes(kind) or pa.types.is_null(kind)):
        raise UserError(f"column '{column}' holds {kind}, not text; name a text column with --text_column")
    return table.column(column).cast(pa.large_binary()).to_pylist()


LONGEST_PIECE = 100_000  # characters tokenised at once, to bound memory for very long rows
ENCODED_AT_ONCE = 1_000_000  # characters


@dataclass(frozen=True)
class TokenEncoder:
    """Packs the tokens of documents into blocks of one length (a `RowEncoder`).

    Attributes:
        tokenizer: a fast tokenizer with a separator or end token.
        rows: reader of the texts.
        length: tokens per block.
    """

    tokenizer: PreTrainedTokenizerBase
    rows: TextReader
    length: int

    @property
    def unit(self) -> str:
        """Return the unit in which speed and cost are counted."""
        return "tokens"

    @property
    def units_per_sample(self) -> int:
        """Return the number of tokens of a block."""
        return self.length

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return blocks of ``length`` tokens ("input_ids"), the remainder that did not fill one, and the skipped rows."""
        usable, skipped = self.rows.read(block)
        packer = _Packer(self.length, carry)
        samples: list[Sample] = []
        for place, tokens in tokenize(self.tokenizer, usable):
            packer.add(block.shard, int(block.rows[place]), tokens)
            samples += packer.full()
        return samples, packer.rest(), skipped

    def rest(self, carry: list[Any]) -> list[Sample]:
        """Return the remaining tokens as one shorter block."""
        if not carry:
            return []
        tokens = np.concatenate([np.array(ids, np.int32) for *_, ids in carry])
        spans = np.array([[shard, row, at, at + len(ids)] for shard, row, at, ids in carry], np.int64)
        return [Sample({"input_ids": tokens}, spans)]


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: list[tuple[int, str]]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (position, int32 tokens) of texts, with a separator after each; very long texts come in several pieces."""
    separator = separator_of(tokenizer)
    group: list[tuple[int, str, bool]] = []
    held = 0
    for place, text in texts:
        pieces = _pieces(text)
        for number, piece in enumerate(pieces, start=1):
            group.append((place, piece, number == len(pieces)))
            held += len(piece)
            if held >= ENCODED_AT_ONCE:
                yield from _encode(tokenizer, group, separator)
                group, held = [], 0
    yield from _encode(tokenizer, group, separator)


def _encode(
    tokenizer: PreTrainedTokenizerBase, group: list[tuple[int, str, bool]], separator: int
) -> Iterator[tuple[int, np.ndarray]]:
    texts = [piece for _, piece, _ in group]
    encodings = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    for (place, _, last), encoding in zip(group, encodings, strict=True):
        yield place, np.array([*encoding.ids, separator] if last else encoding.ids, np.int32)


def separator_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id of the token that ends a document."""
    token = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if token is None:
        raise UserError(
            "the tokenizer has neither a separator nor an end token; name another one with --tokenizer_name"
        )
    return int(token)


def _pieces(text: str) -> list[str]:
    """Cut a long text, at white space if possible."""
    pieces, start = [], 0
    while len(text) - start > LONGEST_PIECE:
        end = start + LONGEST_PIECE
        space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
        end = space if space > start else end
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]


class _Packer:
    """A queue of token pieces with their source (shard, row, offset), which is emptied in blocks."""

    def __init__(self, length: int, carry: list[Any]) -> None:
        self.length = length
        self.pieces = deque((shard, row, at, np.array(ids, np.int32)) for shard, row, at, ids in carry)
        self.held = sum(len(piece[3]) for piece in self.pieces)
        self.end = (-1, 0)  # row and end offset of the last added tokens

    def add(self, shard: int, row: int, tokens: np.ndarray) -> None:
        at = self.end[1] if self.end[0] == row else 0
        self.pieces.append((shard, row, at, tokens))
        self.held += len(tokens)
        self.end = (row, at + len(tokens))

    def full(self) -> Iterator[Sample]:
        while self.held >= self.length:
            tokens, spans, missing = [], [], self.length
            while missing:
                shard, row, at, ids = self.pieces.popleft()
                used = ids[:missing]
                tokens.append(used)
                spans.append((shard, row, at, at + len(used)))
                missing -= len(used)
                if len(used) < len(ids):
                    self.pieces.appendleft((shard, row, at + len(used), ids[len(used) :]))
            self.held -= self.length
            yield Sample({"input_ids": np.concatenate(tokens)}, np.array(spans, np.int64))

    def rest(self) -> list[Any]:
        return [[shard, row, at, ids.tolist()] for shard, row, at, ids in self.pieces]
