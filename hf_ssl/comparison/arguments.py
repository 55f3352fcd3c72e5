"""Flags of a comparison."""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_ssl.common.errors import UserError
from hf_ssl.common.times import seconds_of

SHORTEST = 20  # seconds


@dataclass
class ComparisonArguments:
    """What to compare, within what budget."""

    _argument_group_name = "comparison"

    output_dir: str = field(
        default="runs/comparison", metadata={"help": "Folder of the comparison. Rerun the same command to resume."}
    )
    budget: str = field(
        default="5min",
        metadata={"help": "Time on two laptop cores, such as 90s, 5min or 1h; it sets the numbers of steps and rows."},
    )
    task: list[str] = field(
        default_factory=list,
        metadata={"help": "Tasks to pretrain with.", "default": "contrastive; from 15min on, a second task as well"},
    )
    run: list[str] = field(
        default_factory=list, metadata={"help": "Folders of finished pretraining runs to compare as well."}
    )
    pretraining_seeds: int = field(default=1, metadata={"help": "Pretraining runs per task, each with its own seed."})
    clusters: int | None = field(
        default=None,
        metadata={"help": "Number of clusters.", "default": "the number of labels, else the best supported number"},
    )
    seed: int = field(default=0, metadata={"help": "Seed for draws, k-means starts and pretraining."})

    def __post_init__(self) -> None:
        if self.pretraining_seeds < 1:
            raise UserError(f"--pretraining_seeds must be at least 1, not {self.pretraining_seeds}")
        if self.clusters is not None and self.clusters < 1:
            raise UserError(f"--clusters must be at least 1, not {self.clusters}")
        if self.seed < 0:
            raise UserError(f"--seed must be at least 0, not {self.seed}")
        if self.seconds < SHORTEST:
            raise UserError(
                f"--budget {self.budget} is too short: reading and measuring alone take {SHORTEST}s or more"
            )

    @property
    def seconds(self) -> float:
        """Return the budget in seconds.

        Raises:
            UserError: if it is not a time.
        """
        return seconds_of("budget", self.budget)
