"""Flags of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_ssl.common.errors import UserError


@dataclass
class FineTuningArguments:
    """Which checkpoint to fine-tune, on which labels, for how long."""

    _argument_group_name = "fine-tuning"

    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Folder of a finished pretraining run.", "default": "must be given"}
    )
    output_dir: str = field(default="runs/classifier", metadata={"help": "Folder for the classifier and its card."})
    labels_per_class: int | None = field(
        default=None,
        metadata={"help": "Labelled rows per class to train on, drawn with the seed.", "default": "all"},
    )
    from_scratch: bool = field(
        default=False, metadata={"help": "Use only the checkpoint's architecture, with new weights (to compare)."}
    )
    max_steps: int = field(default=300, metadata={"help": "Optimizer steps."})
    batch_size: int = field(default=64, metadata={"help": "Rows per optimizer step."})
    learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Peak learning rate of AdamW; 0 trains the last layer alone.",
            "default": "chosen on a quarter of the labels",
        },
    )
    seed: int = field(default=0, metadata={"help": "Seed for draws, new weights and sample order."})

    def __post_init__(self) -> None:
        for name in ("labels_per_class", "max_steps", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name} must be at least 1, not {value}")
        if self.learning_rate is not None and not 0 <= self.learning_rate < float("inf"):
            raise UserError(f"--learning_rate must be a number of at least 0, not {self.learning_rate}")
        if self.from_scratch and self.learning_rate == 0:
            raise UserError("--learning_rate 0 would leave the new weights of --from_scratch untrained")
        if self.seed < 0:
            raise UserError(f"--seed must be at least 0, not {self.seed}")
