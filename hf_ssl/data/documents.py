"""Rows of text -> one sample a document, of one shape."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from hf_ssl.data.stream import Block, Sample, Skipped
from hf_ssl.data.text import TextRows

REMEMBERED = 50_000_000  # tokens: later epochs need not make them again
LETTERS_A_TOKEN = 20  # more than there are: what is longer is cut before it is tokenised


@dataclass(frozen=True)
class DocumentEncoder:
    """The first tokens of each document, padded (a `RowEncoder`).

    Attributes:
        tokenizer: a fast one with a padding token.
        rows: which texts are used.
        length: tokens of a sample.
        shortest: tokens below which a document is skipped.
    """

    tokenizer: PreTrainedTokenizerBase
    rows: TextRows
    length: int
    shortest: int
    _known: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, compare=False)

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return a sample ("input_ids", int32 of shape (length,)) a usable row, nothing left over, and the rows skipped."""
        usable, skipped = self.rows.read(block)
        found = list(self._tokens(block.shard, [(int(block.rows[place]), text) for place, text in usable]))
        skipped += [
            Skipped(row, f"fewer than {self.shortest} tokens") for row, ids in found if len(ids) < self.shortest
        ]
        kept = [(row, ids) for row, ids in found if len(ids) >= self.shortest]
        tokens = np.full((len(kept), self.length), self.tokenizer.pad_token_id, np.int32)
        spans = np.zeros((len(kept), 1, 4), np.int64)
        for place, (row, ids) in enumerate(kept):
            tokens[place, : len(ids)] = ids
            spans[place, 0] = block.shard, row, 0, len(ids)
        samples = [Sample({"input_ids": own}, span) for own, span in zip(tokens, spans, strict=True)]
        return samples, carry, skipped

    def _tokens(self, shard: int, texts: list[tuple[int, str]]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (row, its first tokens)."""
        new = [(row, text[: LETTERS_A_TOKEN * self.length]) for row, text in texts if (shard, row) not in self._known]
        encodings = self.tokenizer.backend_tokenizer.encode_batch_fast(
            [text for _, text in new], add_special_tokens=False
        )
        made = {row: np.array(e.ids[: self.length], np.int32) for (row, _), e in zip(new, encodings, strict=True)}
        if (len(self._known) + len(made)) * self.length <= REMEMBERED:
            self._known.update({(shard, row): ids for row, ids in made.items()})
        for row, _ in texts:
            yield row, made[row] if row in made else self._known[shard, row]
