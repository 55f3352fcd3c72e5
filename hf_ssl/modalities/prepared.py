"""A modality with the state learned from the first rows; the needs of a task, and cost estimates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

STATISTICS = "statistics.safetensors"


@dataclass(frozen=True)
class Needs:
    """The requirements of a task on its modality.

    Attributes:
        packed: rows are joined into full blocks, if the modality supports it; otherwise each row is a sample.
        causal: the model continues its inputs, so they must have no end token.
        encoder: the modality's own encoder is trained, so its fixed parts must be learned first.
    """

    packed: bool = False
    causal: bool = False
    encoder: bool = True


@dataclass(frozen=True)
class Costs:
    """Cost estimates by which a comparison is planned.

    Attributes:
        rows_a_minute: rows, bank and test, to evaluate per minute of the budget.
        most_rows: maximum number of rows, bank and test.
        tasks: the default pretext tasks, best first.
        seconds: task -> seconds per step on one core.
        supervised_seconds: seconds per step of training with labels.
        shown: number of rows shown in the demo.
        most_steps: task -> number of steps beyond which more gain little.
        settings: task -> flags for a comparison that differ from the defaults.
        measured_row_seconds: seconds per row of fitting baselines and readouts, for a run.
    """

    rows_a_minute: tuple[int, int]
    most_rows: tuple[int, int]
    tasks: tuple[str, ...]
    seconds: dict[str, float]
    supervised_seconds: float
    shown: int
    most_steps: dict[str, int] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    measured_row_seconds: float = 0.004


@dataclass(frozen=True)
class Prepared:
    """A modality with the state learned from the first training rows, before any step.

    Attributes:
        modality: with its columns resolved.
        processor: a standard tokenizer or image processor.
        statistics: named tensors: token counts, principal directions of patches, codes.
    """

    modality: Any  # each task states which ones it supports
    processor: Any
    statistics: dict[str, Tensor] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Save processor and statistics into an existing folder."""
        self.processor.save_pretrained(folder)
        save_file({name: tensor.contiguous() for name, tensor in self.statistics.items()}, folder / STATISTICS)

    def like(self, folder: Path) -> Prepared:
        """Return a copy whose modality builds new models of the architecture saved in a folder.

        The original checkpoint may not be available on this machine; the saved configuration suffices.
        """
        base = self.modality.config_name or self.modality.model_name_or_path
        config = str(folder) if base else None
        return replace(self, modality=replace(self.modality, config_name=config, model_name_or_path=None))
