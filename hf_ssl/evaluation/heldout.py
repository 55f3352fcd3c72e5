"""Held-out loss on fixed masks, beside what token frequencies alone would score on the same hidden tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import Sample, unshuffled_blocks
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.randomness import key_of

MASK_PROBABILITY = 0.15  # whatever training uses
MOST_BLOCKS = 512
ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class HeldOut:
    """Blocks of text that are never trained on, with tokens hidden once and for all.

    Attributes:
        task: hides 15 % of the tokens and gives the loss.
        parts: corrupted batches.
    """

    task: MaskedLanguage
    parts: list[dict[str, Tensor]]

    @property
    def labels(self) -> np.ndarray:
        """The hidden tokens: int64, shape (targets,)."""
        return np.concatenate([part["labels"].numpy() for part in self.parts])

    def score(
        self, model: PreTrainedModel, autocast: Callable[[], Any], stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """Mean loss in nats, perplexity, and the share of hidden tokens that the model puts first; {} if stopped."""
        model.eval()
        loss = correct = 0.0
        for part in self.parts:
            if stopped():
                return {}
            part = {name: tensor.to(model.device) for name, tensor in part.items()}
            with torch.no_grad(), autocast():
                result = self.task.loss(model, part)
            loss += float(result["loss"]) * len(part["labels"])
            correct += float((result["logits"].argmax(-1) == part["labels"]).sum())
        targets = len(self.labels)
        return {
            "loss": loss / targets,
            "perplexity": float(np.exp(loss / targets)),
            "masked_accuracy": correct / targets,
        }

    def unigram_loss(self, counts: np.ndarray) -> float:
        """Cross-entropy in nats of the training tokens' frequencies (add-one smoothed) on the same hidden tokens."""
        frequencies = (counts + 1.0) / (counts.sum() + len(counts))
        return float(-np.log(frequencies[self.labels]).mean())


def hold_out(
    task: MaskedLanguage, tokenizer: PreTrainedTokenizerBase, rows: Rows, split_by_hash: bool
) -> HeldOut | None:
    """Make the fixed held-out blocks, or None if the held-out rows have no text.

    Args:
        task: the training task; its mask probability is replaced.
        tokenizer: of the model.
        rows: to measure on.
        split_by_hash: use only those rows that the hash holds out.
    """
    fixed = replace(task, mask_probability=MASK_PROBABILITY)
    samples = list(_blocks(fixed, tokenizer, rows, split_by_hash))
    full = [sample for sample in samples if len(sample.values["input_ids"]) == task.sequence_length]
    groups = [full[i : i + ROWS_AT_ONCE] for i in range(0, len(full), ROWS_AT_ONCE)]
    if not full:  # less than one block: a shorter one is better than no figure
        groups = [[sample] for sample in samples]
    keys = [torch.tensor([key_of("held-out", sample.spans.tobytes()) for sample in group]) for group in groups]
    parts = [fixed.corrupt(fixed.collate(group), key, tokenizer) for group, key in zip(groups, keys, strict=True)]
    parts = [part for part in parts if len(part["labels"])]
    return HeldOut(fixed, parts) if parts else None


def _blocks(
    task: MaskedLanguage, tokenizer: PreTrainedTokenizerBase, rows: Rows, split_by_hash: bool
) -> Iterator[Sample]:
    """At most 512 blocks; at the end the tail, shorter than a block."""
    encoder = task.encoder(tokenizer, held_out=True if split_by_hash else None)
    carry: list[Any] = []
    count = 0
    for block in unshuffled_blocks(rows):
        samples, carry, _ = encoder.encode(block, carry)
        yield from samples[: MOST_BLOCKS - count]
        count += len(samples)
        if count >= MOST_BLOCKS:
            return
    if carry:
        yield Sample(
            {"input_ids": np.concatenate([np.array(ids, np.int32) for *_, ids in carry])},
            np.array([[shard, row, at, at + len(ids)] for shard, row, at, ids in carry], np.int64),
        )
