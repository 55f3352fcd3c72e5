"""Encoding of each text row as one sample of fixed shape, and two crops of a document as views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from hf_ssl.common.randomness import random_uniform
from hf_ssl.data.rows import Block
from hf_ssl.data.stream import Sample, Skipped
from hf_ssl.modalities.text.flags import TextViews
from hf_ssl.modalities.text.reading import TextReader

REMEMBERED = 50_000_000  # cached tokens, which later epochs need not recompute
SHORTEST = 4  # minimum number of tokens of a document and of a crop
LETTERS_A_TOKEN = 20  # an upper bound: longer texts are cut before tokenisation


@dataclass(frozen=True)
class DocumentEncoder:
    """The first tokens of each document, padded (a `RowEncoder`).

    Attributes:
        tokenizer: a fast one with a padding token.
        rows: reader of the texts.
        length: tokens of a sample.
        shortest: tokens below which a document is skipped.
    """

    tokenizer: PreTrainedTokenizerBase
    rows: TextReader
    length: int
    shortest: int
    _known: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, compare=False)

    @property
    def unit(self) -> str:
        """Return the unit in which speed and cost are counted."""
        return "documents"

    @property
    def units_per_sample(self) -> int:
        """Return one: a sample is a document."""
        return 1

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return a sample ("input_ids", int32 of shape (length,)) per usable row, no remainder, and the skipped rows."""
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

    def rest(self, carry: list[Any]) -> list[Sample]:
        """Return no samples: nothing is carried over."""
        del carry
        return []

    def _tokens(self, shard: int, texts: list[tuple[int, str]]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (row, first tokens of its text)."""
        new = [(row, text[: LETTERS_A_TOKEN * self.length]) for row, text in texts if (shard, row) not in self._known]
        encodings = self.tokenizer.backend_tokenizer.encode_batch_fast(
            [text for _, text in new], add_special_tokens=False
        )
        made = {row: np.array(e.ids[: self.length], np.int32) for (row, _), e in zip(new, encodings, strict=True)}
        if (len(self._known) + len(made)) * self.length <= REMEMBERED:
            self._known.update({(shard, row): ids for row, ids in made.items()})
        for row, _ in texts:
            yield row, made[row] if row in made else self._known[shard, row]


def two_crops(tokens: Tensor, keys: Tensor, views: TextViews, padding: int) -> dict[str, Tensor]:
    """Cut two random crops from each document.

    Args:
        tokens: int64, shape (rows, length), padded.
        keys: int64, shape (rows,): the only source of randomness.
        views: range of crop lengths.
        padding: the padding token.

    Returns:
        "input_ids" and "attention_mask", int64 of shape (2 * rows, tokens of the longest possible crop): the first crops of
        all documents, then the second ones.
    """
    lengths = (tokens != padding).sum(1).double()
    size, begin, other_size, other_begin = random_uniform(keys, 4).unbind(1)
    crops = torch.cat(
        [
            _crop(tokens, lengths, (size, begin), views, padding),
            _crop(tokens, lengths, (other_size, other_begin), views, padding),
        ]
    )
    return {"input_ids": crops, "attention_mask": (crops != padding).long()}


def _crop(tokens: Tensor, lengths: Tensor, drawn: tuple[Tensor, Tensor], views: TextViews, padding: int) -> Tensor:
    size, begin = drawn
    share = views.smallest_crop + (views.largest_crop - views.smallest_crop) * size
    kept = (share * lengths).round().clamp(min=SHORTEST).minimum(lengths)
    first = (begin * (lengths - kept + 1)).floor()
    longest = max(SHORTEST, round(views.largest_crop * tokens.shape[1]))
    places = torch.arange(longest, device=tokens.device)
    picked = tokens.gather(1, (first.long()[:, None] + places).clamp(max=tokens.shape[1] - 1))
    return picked.masked_fill(places >= kept[:, None], padding)
