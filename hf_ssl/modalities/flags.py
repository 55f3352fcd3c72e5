"""Flags shared by all modalities. This module does not need torch, so that --help is quick."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hf_ssl.common.errors import UserError


@dataclass(frozen=True)
class ModalityFlags:
    """Flags of the model.

    Attributes:
        embedded: the default built-in data set.
        reading: names of the flags that control how rows are read.
        defaults: defaults of flags that differ for all tasks on this modality.
        recipes: task -> defaults of flags that differ for this task on this modality.
        learning_rates: default peak learning rate of each optimizer.
        first_run: command that trains a first model for the demo which fills in hidden parts; empty if no task does so.
        shared: flags that must agree among models shown side by side.
    """

    embedded: ClassVar[str]
    reading: ClassVar[tuple[str, ...]]
    defaults: ClassVar[dict[str, Any]] = {}
    recipes: ClassVar[dict[str, dict[str, Any]]] = {}
    learning_rates: ClassVar[dict[str, float]] = {"muon": 0.01, "adamw": 1e-3}
    first_run: ClassVar[str] = ""
    shared: ClassVar[tuple[str, ...]] = ()

    config_name: str | None = field(
        default=None,
        metadata={"help": "A transformers configuration (id or folder) to build the model from.", "default": "by size"},
    )
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Checkpoint to continue from (id or folder).", "default": "new weights"}
    )
    dropout: float = field(default=0.0, metadata={"help": "Dropout rate; replaces that of the configuration."})

    def __post_init__(self) -> None:
        if self.config_name and self.model_name_or_path:
            raise UserError(
                "--config_name and --model_name_or_path exclude each other: a checkpoint has its own configuration"
            )
        if not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, not {self.dropout}")

    def reading_settings(self) -> dict[str, Any]:
        """Return the flags of reading that are given or found."""
        return {name: value for name in self.reading if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class ViewFlags:
    """How two views of an input differ; each modality defines its own flags."""
