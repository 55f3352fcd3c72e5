"""Held-out figures on inputs with something hidden once and for all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import Sample, unshuffled_blocks
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.randomness import key_of

MOST_SAMPLES = 512
ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class HeldOut:
    """Inputs that are never trained on.

    Attributes:
        task: gives the loss.
        prepared: what the task learned before training.
        parts: corrupted batches.
    """

    task: PretextTask
    prepared: Prepared
    parts: list[dict[str, Tensor]]

    def score(
        self, model: Any, autocast: Callable[[], Any], stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """Mean loss and, where something is classified, the share put first, as the task shows them; {} if stopped."""
        model.eval()
        sums = {"loss": 0.0}
        targets = 0
        for part in self.parts:
            if stopped():
                return {}
            part = {name: tensor.to(model.base_model.device) for name, tensor in part.items()}
            with torch.no_grad(), autocast():
                result = self.task.loss(model, part)
            count = len(part["labels"] if "labels" in part else next(iter(part.values())))
            sums["loss"] += float(result["loss"]) * count
            if "logits" in result:
                right = float((result["logits"].argmax(-1) == (result | part)["labels"]).sum())
                sums["accuracy"] = sums.get("accuracy", 0.0) + right
            targets += count
        score = {name: value / targets for name, value in sums.items()}
        return self.task.heldout_figures(score, self.parts, self.prepared)


def hold_out(task: PretextTask, prepared: Prepared, rows: Rows, split_by_hash: bool, batch_size: int) -> HeldOut | None:
    """Make the fixed held-out inputs, or None if the held-out rows hold nothing usable.

    Args:
        task: the training task.
        prepared: what it learned before training.
        rows: to measure on.
        split_by_hash: use only those rows that the hash holds out.
        batch_size: of training: tasks that compare samples with one another are measured with as many.
    """
    measured = task.for_measuring()
    size = batch_size if task.needs_whole_batch else ROWS_AT_ONCE
    samples = list(_samples(measured, prepared, rows, split_by_hash, max(MOST_SAMPLES, size)))
    whole = [sample for sample in samples if _shape(sample) == _shape(samples[0])]
    groups = [whole[i : i + size] for i in range(0, len(whole), size)]
    if task.needs_whole_batch and len(groups) > 1 and len(groups[-1]) < size:
        groups.pop()  # fewer to compare with would be another figure
    parts = []
    for group in groups:
        keys = torch.tensor([key_of("held-out", sample.spans.tobytes()) for sample in group])
        parts.append(measured.corrupt(measured.collate(group), keys, prepared))
    usable = [part for part in parts if "labels" not in part or len(part["labels"])]
    return HeldOut(measured, prepared, usable) if usable else None


def _shape(sample: Sample) -> tuple[tuple[int, ...], ...]:
    return tuple(value.shape for value in sample.values.values())


def _samples(task: PretextTask, prepared: Prepared, rows: Rows, split_by_hash: bool, most: int) -> Iterator[Sample]:
    """At most ``most`` samples; if there is less than one block of text, that."""
    encoder = task.encoder(prepared, held_out=True if split_by_hash else None)
    carry: list[Any] = []
    count = 0
    for block in unshuffled_blocks(rows):
        samples, carry, _ = encoder.encode(block, carry)
        yield from samples[: most - count]
        count += len(samples)
        if count >= most:
            return
    if carry:
        yield Sample(
            {"input_ids": np.concatenate([np.array(ids, np.int32) for *_, ids in carry])},
            np.array([[shard, row, at, at + len(ids)] for shard, row, at, ids in carry], np.int64),
        )
