"""Corrupted samples, and an encoder with a head that is discarded after training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from hf_ssl.data.stream import Sample
from hf_ssl.modalities.building import seeded
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import Part, PretextTask
from hf_ssl.pretext.parts.contrast import Standardise


class HeadedEncoder(nn.Module):
    """An encoder with a head on its read-out.

    Attributes:
        base_model: the encoder, which is kept.
        head: takes the read-out.
    """

    def __init__(
        self, encoder: PreTrainedModel, head: nn.Module | None, read_out: Callable[[Any, dict[str, Tensor]], Tensor]
    ) -> None:
        """Combine the parts.

        Args:
            encoder: a stock encoder.
            head: trained and then discarded; None for no head.
            read_out: maps the output and input of the encoder to the input of the head; for example, `Modality.pool`.
        """
        super().__init__()
        self.base_model = encoder
        self.head = head or nn.Identity()
        self._read_out = read_out

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return the output of the head for each row or each place."""
        return self.head(self._read_out(self.base_model(**inputs), inputs))


def projector(width: int, projected: int, seed: int) -> nn.Module:
    """Return two layers after which views are compared, with whole-batch standardisation first (Chen et al. 2020)."""
    with seeded(seed):
        return nn.Sequential(Standardise(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, projected))


def linear_layer(width: int, outputs: int, seed: int) -> nn.Module:
    """Return a new linear layer."""
    with seeded(seed):
        return nn.Linear(width, outputs)


def kept(model: Any) -> PreTrainedModel:
    """Return the part of a trained model that is kept: all of a stock model, or the encoder of a custom module."""
    return model if isinstance(model, PreTrainedModel) else model.base_model


def corrupted(
    task: PretextTask,
    prepared: Prepared,
    samples: Sequence[Sample],
    keys: Sequence[int],
    place: tuple[torch.device, float],
) -> Part:
    """Return a corrupted batch of samples.

    Args:
        task: the task that corrupts them.
        prepared: its modality collates the samples.
        samples: any number of samples.
        keys: one per sample, for all randomness.
        place: device, and completed share of the training.
    """
    device, progress = place
    batch = {name: tensor.to(device) for name, tensor in prepared.modality.collate(samples).items()}
    if task.needs_labels:
        batch["labels"] = torch.tensor([sample.label for sample in samples], device=device)
    return Part(task.corrupt(batch, torch.tensor(keys, device=device), prepared, progress), len(samples))
