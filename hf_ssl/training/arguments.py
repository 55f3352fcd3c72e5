"""Training flags shared by all pretext tasks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Self

from hf_ssl.common.errors import UserError
from hf_ssl.common.times import seconds_of

SHORTEST = 20  # seconds of a budget
CONTINUED = 0.1  # factor on the default learning rate when training from a checkpoint


@dataclass
class TrainingArguments:
    """Steps, batches, optimizer, schedule and saving."""

    _argument_group_name = "training"

    output_dir: str = field(default="runs/pretrain", metadata={"help": "Run folder. Rerun the same command to resume."})
    max_steps: int = field(default=500, metadata={"help": "Optimizer steps."})
    budget: str | None = field(
        default=None,
        metadata={
            "help": "Time for the whole run, such as 90s, 2min or 1h, instead of --max_steps: the first steps show how many "
            "this machine can take, and measuring gets at most a third.",
            "default": "as long as --max_steps takes",
        },
    )
    batch_size: int = field(
        default=16, metadata={"help": "Samples per optimizer step, over all processes and accumulation steps."}
    )
    gradient_accumulation_steps: int = field(
        default=1, metadata={"help": "Parts into which each process splits its share of a batch."}
    )
    optimizer: Literal["adamw", "muon"] = field(
        default="muon", metadata={"help": "Muon for matrices (AdamW for the rest), or AdamW."}
    )
    learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Peak learning rate of the optimizer.",
            "default": "depends on task, modality and optimizer; a tenth of it from a checkpoint",
        },
    )
    embedding_learning_rate: float = field(
        default=4e-3,
        metadata={
            "help": "With Muon: peak learning rate of AdamW for embeddings, norms and biases (a tenth of it from a checkpoint)."
        },
    )
    weight_decay: float = field(default=0.0, metadata={"help": "Decoupled weight decay of matrices."})
    warmup_share: float = field(default=0.05, metadata={"help": "Share of steps over which the learning rate rises."})
    decay_share: float = field(
        default=0.5, metadata={"help": "Share of steps, at the end, over which the learning rate falls to 0."}
    )
    gradient_clipping: float = field(default=1.0, metadata={"help": "Gradients are clipped to this norm."})
    mixed_precision: Literal["auto", "no", "bf16"] = field(
        default="auto", metadata={"help": "auto: bf16 if the device supports it natively."}
    )
    seed: int = field(default=0, metadata={"help": "Seed for weights, sample order and masks."})
    save_steps: int = field(default=100, metadata={"help": "Steps between checkpoints."})
    eval_steps: int = field(default=100, metadata={"help": "Steps between evaluations on held-out rows."})
    tracker: Literal["none", "trackio", "tensorboard"] = field(
        default="none", metadata={"help": "Tracker that also receives the figures."}
    )

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "gradient_accumulation_steps", "save_steps", "eval_steps"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "embedding_learning_rate", "gradient_clipping"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise UserError(f"--{name} must be above 0, not {getattr(self, name)}")
        if not (self.warmup_share >= 0 and self.decay_share >= 0 and self.warmup_share + self.decay_share <= 1):
            raise UserError("--warmup_share and --decay_share must be at least 0 and sum to at most 1")
        if self.seconds < SHORTEST:
            raise UserError(f"--budget {self.budget} is too short: starting and measuring alone take {SHORTEST}s")
        if self.seed < 0:
            raise UserError(f"--seed must be at least 0, not {self.seed}")

    @property
    def seconds(self) -> float:
        """Return the budget in seconds; infinite without one."""
        return float("inf") if self.budget is None else seconds_of("budget", self.budget)

    def settled(self, usual: dict[str, float], continued: bool) -> Self:
        """Return a copy with the learning rates filled in.

        Args:
            usual: default peak rate of each optimizer.
            continued: whether training starts from a checkpoint, with a tenth of the default rates.
        """
        factor = CONTINUED if continued else 1.0
        rate = self.learning_rate if self.learning_rate is not None else usual[self.optimizer] * factor
        return replace(self, learning_rate=rate, embedding_learning_rate=self.embedding_learning_rate * factor)
