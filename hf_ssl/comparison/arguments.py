"""Flags of a comparison."""

import re
from dataclasses import dataclass, field

from hf_ssl.errors import UserError

SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600}
SHORTEST = 20  # seconds


@dataclass
class ComparisonArguments:
    """What is compared, and for how long."""

    _argument_group_name = "comparison"

    output_dir: str = field(
        default="runs/comparison", metadata={"help": "Folder of the comparison; the same command goes on from it."}
    )
    budget: str = field(
        default="5min",
        metadata={
            "help": "Time on two laptop cores, such as 90s, 5min, 1h: turned into a plan of steps and rows once."
        },
    )
    task: list[str] = field(
        default_factory=list,
        metadata={"help": "Tasks to pretrain with (default: contrastive views; with 15min and more another one too)."},
    )
    run: list[str] = field(
        default_factory=list, metadata={"help": "Folders of finished pretraining runs to compare too."}
    )
    pretraining_seeds: int = field(
        default=1, metadata={"help": "Pretraining runs a task, each with a seed of its own."}
    )
    clusters: int | None = field(
        default=None,
        metadata={"help": "Number of clusters (default: that of the labels, else the best supported one)."},
    )
    text_column: str | None = field(default=None, metadata={"help": "Column that holds the text (default: found)."})
    image_column: str | None = field(default=None, metadata={"help": "Column that holds the images (default: found)."})
    image_size: int = field(default=32, metadata={"help": "Pixels a side that images are scaled to."})
    seed: int = field(default=0, metadata={"help": "Of draws, starts and pretraining."})

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
        """The budget.

        Raises:
            UserError: if it is no time.
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|sec|min|h)?", self.budget.strip())
        if not found:
            raise UserError(f"--budget {self.budget!r} is no time; write it as 90s, 5min or 1h")
        return float(found[1]) * SECONDS[found[2] or "s"]
