"""Rows of text -> token blocks of one length: documents are joined by separators and cut, nothing is padded or lost."""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from transformers import PreTrainedTokenizerBase

from hf_ssl.data.stream import Block, Sample, Skipped
from hf_ssl.errors import UserError

HELD_OUT_SHARE = 0.05
LONGEST_PIECE = 100_000  # characters tokenised at once: bounds memory for very long rows
ENCODED_AT_ONCE = 1_000_000  # characters


def is_held_out(text: str) -> bool:
    """Whether a row belongs to the held-out twentieth: by a hash of its text, so that duplicates stay together."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"held-out").digest()
    return int.from_bytes(digest, "little") < HELD_OUT_SHARE * 2**64


@dataclass(frozen=True)
class TextRows:
    """Which texts of a block are used.

    Attributes:
        column: name of the text column.
        held_out: which side of the split by hash is used; None takes both.
        strict: stop at the first unusable row instead of counting it.
    """

    column: str
    held_out: bool | None = None
    strict: bool = False

    def read(self, block: Block) -> tuple[list[tuple[int, str]], list[Skipped]]:
        """Return (place in the block, text) of the usable rows, and the rows with nothing in them."""
        usable, skipped = [], []
        for place, value in enumerate(_binary(block.table, self.column)):
            text = value.decode("utf-8", "replace").replace("\0", " ") if value else ""
            if not text.strip():
                if self.strict:
                    raise UserError(
                        f"row {block.rows[place]} of shard {block.shard} has no text in column '{self.column}'; "
                        "mend the data or give --bad_rows skip"
                    )
                skipped.append(Skipped(int(block.rows[place]), "no text"))
            elif self.held_out is None or self.held_out == is_held_out(text):
                usable.append((place, text))
        return usable, skipped


def _binary(table: pa.Table, column: str) -> list[bytes | None]:
    """Raw bytes of a text column: Parquet may hold strings that are not UTF-8, which Arrow refuses to hand out as text."""
    kind = table.schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise UserError(f"column '{column}' holds {kind}, not text; name a text column with --text_column")
    return table.column(column).cast(pa.large_binary()).to_pylist()


@dataclass(frozen=True)
class TokenEncoder:
    """Packs the tokens of documents into blocks of one length (a `RowEncoder`).

    Attributes:
        tokenizer: a fast tokenizer with a separator or end token.
        rows: which texts are used.
        length: tokens a block.
    """

    tokenizer: PreTrainedTokenizerBase
    rows: TextRows
    length: int

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return blocks of ``length`` tokens ("input_ids"), the tail that did not fill one, and the rows skipped."""
        usable, skipped = self.rows.read(block)
        packer = _Packer(self.length, carry)
        samples: list[Sample] = []
        for place, tokens in tokenize(self.tokenizer, usable):
            packer.add(block.shard, int(block.rows[place]), tokens)
            samples += packer.full()
        return samples, packer.rest(), skipped


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: list[tuple[int, str]]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (place, int32 tokens) of texts, a separator after each; a very long text comes in several pieces."""
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
    """The token that closes a document."""
    token = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if token is None:
        raise UserError(
            "the tokenizer has neither a separator nor an end token; name another one with --tokenizer_name"
        )
    return int(token)


def _pieces(text: str) -> list[str]:
    """Cut a long text, at white space where there is any."""
    pieces, start = [], 0
    while len(text) - start > LONGEST_PIECE:
        end = start + LONGEST_PIECE
        space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
        end = space if space > start else end
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]


class _Packer:
    """A queue of token pieces, each with its source (shard, row, offset), emptied in blocks."""

    def __init__(self, length: int, carry: list[Any]) -> None:
        self.length = length
        self.pieces = deque((shard, row, at, np.array(ids, np.int32)) for shard, row, at, ids in carry)
        self.held = sum(len(piece[3]) for piece in self.pieces)
        self.end = (-1, 0)  # row and offset up to which tokens were added

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
