"""Held-out figures on inputs that are corrupted once and then fixed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from hf_ssl.common.randomness import key_of
from hf_ssl.data.rows import Rows, unshuffled_blocks
from hf_ssl.data.stream import Sample
from hf_ssl.modalities.prepared import Needs, Prepared
from hf_ssl.pretext.base import Part, PretextTask
from hf_ssl.pretext.parts.embedder import corrupted

MOST_SAMPLES = 512
ROWS_AT_ONCE = 32
CPU = torch.device("cpu")


@dataclass(frozen=True)
class HeldOut:
    """Inputs that are never trained on.

    Attributes:
        task: computes the loss.
        prepared: the modality, with what was learned before training.
        parts: corrupted batches.
    """

    task: PretextTask
    prepared: Prepared
    parts: list[Part]

    def score(
        self, model: Any, autocast: Callable[[], Any], stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """Return the mean loss and, for classification, the top-1 accuracy, as the task reports them; {} if stopped."""
        model.eval()
        sums = {"loss": 0.0}
        targets = 0
        for part in self.parts:
            if stopped():
                return {}
            inputs = part.to(model.base_model.device).inputs
            with torch.no_grad(), autocast():
                result = self.task.loss(model, inputs)
            sums["loss"] += float(result["loss"]) * part.targets
            if "logits" in result:
                right = float((result["logits"].argmax(-1) == (result | inputs)["labels"]).sum())
                sums["accuracy"] = sums.get("accuracy", 0.0) + right
            targets += part.targets
        score = {name: value / targets for name, value in sums.items()}
        return self.task.heldout_figures(score, self.parts, self.prepared)


def hold_out(task: PretextTask, prepared: Prepared, rows: Rows, split_by_hash: bool, batch_size: int) -> HeldOut | None:
    """Return the fixed held-out inputs, or None if no held-out rows are usable.

    Args:
        task: the training task.
        prepared: the modality, with what was learned before training.
        rows: rows to measure on.
        split_by_hash: use only the rows that the hash holds out.
        batch_size: that of training, also used here by tasks that compare the samples of a batch.
    """
    measured = dataclasses.replace(task, **task.measured_with)
    size = batch_size if task.needs_whole_batch else ROWS_AT_ONCE
    samples = list(_samples(measured, prepared, rows, split_by_hash, max(MOST_SAMPLES, size)))
    whole = [sample for sample in samples if _shape(sample) == _shape(samples[0])] if task.packed else samples
    groups = [whole[i : i + size] for i in range(0, len(whole), size)]
    if task.needs_whole_batch and len(groups) > 1 and len(groups[-1]) < size:
        groups.pop()  # comparing fewer samples would change the figure
    parts = [
        corrupted(measured, prepared, group, [key_of("held-out", each.spans.tobytes()) for each in group], (CPU, 1.0))
        for group in groups
    ]
    usable = [part for part in parts if part.targets]
    return HeldOut(measured, prepared, usable) if usable else None


def _shape(sample: Sample) -> tuple[tuple[int, ...], ...]:
    return tuple(value.shape for value in sample.values.values())


def _samples(task: PretextTask, prepared: Prepared, rows: Rows, split_by_hash: bool, most: int) -> Iterator[Sample]:
    """Yield at most ``most`` samples, the last one possibly shorter than a full block."""
    needs = Needs(task.packed, task.causal)
    encoder = prepared.modality.row_encoder(prepared, needs, held_out=True if split_by_hash else None)
    carry: list[Any] = []
    count = 0
    for block in unshuffled_blocks(rows):
        samples, carry, _ = encoder.encode(block, carry)
        yield from samples[: most - count]
        count += len(samples)
        if count >= most:
            return
    yield from encoder.rest(carry)
