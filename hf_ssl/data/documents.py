"""Rows of text -> one sample a document, of one shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from hf_ssl.data.stream import Block, Sample, Skipped
from hf_ssl.data.text import TextRows

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

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return a sample ("input_ids", int32 of shape (length,)) a usable row, nothing left over, and the rows skipped."""
        usable, skipped = self.rows.read(block)
        texts = [text[: LETTERS_A_TOKEN * self.length] for _, text in usable]
        encodings = self.tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        samples = []
        for (place, _), encoding in zip(usable, encodings, strict=True):
            row, ids = int(block.rows[place]), encoding.ids[: self.length]
            if len(ids) < self.shortest:
                skipped.append(Skipped(row, f"fewer than {self.shortest} tokens"))
                continue
            tokens = np.full(self.length, self.tokenizer.pad_token_id, np.int32)
            tokens[: len(ids)] = ids
            samples.append(Sample({"input_ids": tokens}, np.array([[block.shard, row, 0, len(ids)]], np.int64)))
        return samples, carry, skipped
