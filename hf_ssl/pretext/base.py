"""The interface of a pretext task: a dataclass of flags, three methods, and a few hooks."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:  # loading the flags of a task must not import torch
    import torch
    from torch import Tensor

    from hf_ssl.modalities.prepared import Prepared


@dataclass(frozen=True)
class Part:
    """A corrupted batch, or one of several parts of it.

    Attributes:
        inputs: arguments of the loss; the first dimension of a tensor need not be rows.
        rows: number of samples.
    """

    inputs: dict[str, Tensor]
    rows: int

    @property
    def targets(self) -> int:
        """Return the number of targets that the loss averages over: the labels, or the rows if there are no labels."""
        return len(self.inputs["labels"]) if "labels" in self.inputs else self.rows

    def to(self, device: torch.device) -> Part:
        """Return a copy on a device."""
        return Part({name: tensor.to(device) for name, tensor in self.inputs.items()}, self.rows)


@dataclass(frozen=True)
class PretextTask(abc.ABC):
    """A task that hides part of an input and predicts it from the rest, without labels.

    A task accesses data only through its modality, ``prepared.modality``. Its file, its test and its card template have its
    name.

    Attributes:
        name: name of its file.
        tag: tag of the model card.
        modalities: supported modalities; None for all.
        pipeline: Hub pipeline of a finished model; None if only a bare encoder is kept.
        baseline: key and title of the held-out figure that needs no model.
        packed: rows are joined into full blocks, if the modality supports it.
        causal: the model continues its inputs.
        brings_encoder: the task has its own encoder.
        needs_views: two views of an input are compared.
        needs_whole_batch: the samples of a batch are compared with one another.
        needs_labels: it learns from labels.
        requires: flags of the modality that must have these values.
        defaults: task-specific defaults of flags.
        learning_rates: task-specific default peak learning rate of each optimizer, which overrides the modality's.
        measured_with: fields of the task that differ when evaluating held-out rows.
    """

    name: ClassVar[str]
    tag: ClassVar[str]
    modalities: ClassVar[tuple[str, ...] | None] = None
    pipeline: ClassVar[str | None] = None
    baseline: ClassVar[tuple[str, str]]
    packed: ClassVar[bool] = False
    causal: ClassVar[bool] = False
    brings_encoder: ClassVar[bool] = False
    needs_views: ClassVar[bool] = False
    needs_whole_batch: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    requires: ClassVar[dict[str, Any]] = {}
    defaults: ClassVar[dict[str, Any]] = {}
    learning_rates: ClassVar[dict[str, float]] = {}
    measured_with: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls.name = cls.__module__.rsplit(".", 1)[-1]

    def check(self, modality: Any) -> None:
        """Check that the flags of a modality are compatible with those of the task.

        Raises:
            UserError: if they are not.
        """
        del modality

    def survey(self, inputs: list[Any], prepared: Prepared) -> dict[str, Tensor]:
        """Return what the task learns from the first inputs before training, as named tensors."""
        del inputs, prepared
        return {}

    @abc.abstractmethod
    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Return corrupted inputs and targets; vectorised, on the device of the batch.

        Args:
            batch: a batch from `Modality.collate`.
            keys: int64, shape (rows,): the only source of randomness, so that a sample is corrupted in the same way in any
                batch, worker or process.
            prepared: the modality and the state learned from the first rows.
            progress: completed share of the training.
        """

    @abc.abstractmethod
    def model(self, prepared: Prepared, seed: int) -> Any:
        """Return a model with weights that depend only on the seed, or with those of a checkpoint.

        A stock model is kept as a whole; of a custom module, only its ``base_model``, a stock encoder, is kept.
        """

    @abc.abstractmethod
    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return "loss", the mean over the "labels" of a corrupted batch (or over its rows if it has none).

        Classification tasks also return the "logits" for the "labels".
        """

    def after_step(self, model: Any, progress: float) -> None:
        """Update the model after an optimizer step (moving averages, new targets); by default, do nothing."""
        del model, progress

    @abc.abstractmethod
    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return the figures for the model card: a held-out score ("loss", perhaps "accuracy") and the baseline."""

    def pictures(self, model: Any, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared) -> dict[str, Tensor]:
        """Illustrate the task: title -> pictures in [0, 1], shape (rows, 3, height, width); empty by default."""
        del model, batch, keys, prepared
        return {}
