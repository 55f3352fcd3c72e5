"""How to train: flags that are the same for every pretext task."""

from dataclasses import dataclass, field
from typing import Literal

from hf_ssl.errors import UserError

CONTINUED = 0.1  # of the usual learning rate, from a checkpoint


@dataclass
class TrainingArguments:
    """How long, how fast, how often saved."""

    _argument_group_name = "training"

    output_dir: str = field(default="runs/pretrain", metadata={"help": "Run folder; the same command goes on from it."})
    max_steps: int = field(default=500, metadata={"help": "Optimizer steps."})
    batch_size: int = field(
        default=16, metadata={"help": "Samples an optimizer step, over all processes and accumulation."}
    )
    gradient_accumulation_steps: int = field(
        default=1, metadata={"help": "Parts in which a process takes its share of a batch."}
    )
    optimizer: Literal["adamw", "muon"] = field(
        default="muon", metadata={"help": "Muon for matrices (AdamW for the rest), or AdamW."}
    )
    learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Peak of the optimizer (default: Muon 0.01 for text, 0.03 for images; AdamW 0.001; a tenth from a "
            "checkpoint)."
        },
    )
    embedding_learning_rate: float = field(
        default=4e-3,
        metadata={"help": "With Muon: AdamW's peak for embeddings, norms, biases (a tenth of it from a checkpoint)."},
    )
    weight_decay: float = field(default=0.0, metadata={"help": "Decoupled weight decay of matrices."})
    warmup_share: float = field(default=0.05, metadata={"help": "Share of the steps in which the rate rises."})
    decay_share: float = field(
        default=0.5, metadata={"help": "Share of the steps, at the end, in which it falls to 0."}
    )
    gradient_clipping: float = field(default=1.0, metadata={"help": "Largest norm of a gradient."})
    mixed_precision: Literal["auto", "no", "bf16"] = field(
        default="auto", metadata={"help": "bf16 where the device has it."}
    )
    seed: int = field(default=0, metadata={"help": "Of weights, order and masks."})
    save_steps: int = field(default=100, metadata={"help": "Steps between checkpoints."})
    eval_steps: int = field(default=100, metadata={"help": "Steps between held-out losses."})
    tracker: Literal["none", "trackio", "tensorboard"] = field(
        default="none", metadata={"help": "Where to send figures too."}
    )

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "gradient_accumulation_steps", "save_steps", "eval_steps"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "embedding_learning_rate", "gradient_clipping"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise UserError(f"--{name} must be above 0, not {getattr(self, name)}")
        if not (self.warmup_share >= 0 and self.decay_share >= 0 and self.warmup_share + self.decay_share <= 1):
            raise UserError("--warmup_share and --decay_share must be at least 0 and at most 1 together")
        if self.seed < 0:
            raise UserError(f"--seed must be at least 0, not {self.seed}")

    def peak_learning_rate(self, usual: dict[str, float], continued: bool) -> float:
        """The rate asked for, or the optimizer's usual one; ``continued``: from a checkpoint."""
        if self.learning_rate is not None:
            return self.learning_rate
        return usual[self.optimizer] * (CONTINUED if continued else 1.0)
