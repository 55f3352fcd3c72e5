"""Flags that select the data to read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Literal

from hf_ssl.common.errors import UserError
from hf_ssl.data.splits import RULE

MOST_UNREAD = 0.2  # share of the files, unless --max_skipped is given


@dataclass
class DataArguments:
    """Flags of the data set, its splits and its labels."""

    _argument_group_name = "data"

    dataset_name: str = field(
        default="embedded",
        metadata={
            "help": "Hub id; local folder, file or archive (Parquet, Arrow, JSON, CSV, text, images, webdataset tars); or a "
            "built-in set: embedded:docs, embedded:digits, embedded:digits_plain, embedded:sentences.",
            "default": "the built-in set that fits the task",
        },
    )
    dataset_config: str | None = field(
        default=None, metadata={"help": "Configuration of the data set.", "default": "the only one"}
    )
    train_split: str = field(default="train", metadata={"help": f"Split to learn from. {RULE}"})
    eval_split: str | None = field(
        default=None,
        metadata={
            "help": "Split to evaluate on.",
            "default": "5 % of the train split, chosen by a hash of each row",
        },
    )
    label_column: str | None = field(
        default=None,
        metadata={
            "help": "Column with the labels. Pretraining uses them only for evaluation.",
            "default": "'label' or 'cls', or the only one whose name looks like labels",
        },
    )
    sample_by: Literal["line", "paragraph", "document"] = field(
        default="line", metadata={"help": "What is a row of a plain text file."}
    )
    encoding: str | None = field(
        default=None,
        metadata={
            "help": "Encoding of text, CSV and JSON files, such as latin-1.",
            "default": "UTF-8, or what the first bytes of a file tell",
        },
    )
    bad_rows: Literal["skip", "error"] = field(
        default="skip", metadata={"help": "Skip and count unusable rows, or stop at the first one."}
    )
    max_skipped: float | None = field(
        default=None,
        metadata={
            "help": "Stop if more than this share of the rows, or of the files, is unusable.",
            "default": f"that of the modality, and {MOST_UNREAD} of the files",
        },
    )
    changed_data: Literal["refuse", "accept"] = field(
        default="refuse",
        metadata={"help": "If the data changed since the run began: stop, or read the new data from the start."},
    )
    read_timeout: float = field(default=600.0, metadata={"help": "Save and stop after this many seconds without data."})
    dataloader_num_workers: int = field(
        default=0, metadata={"help": "Worker processes that read data; 0 reads in a thread."}
    )

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise UserError(f"--encoding {self.encoding} is unknown; name one such as utf-8 or latin-1") from None
        if self.eval_split == self.train_split:
            raise UserError(
                f"--eval_split {self.eval_split} is also the train split; omit it to hold out a part of that split"
            )
        if self.max_skipped is not None and not 0 <= self.max_skipped <= 1:
            raise UserError(f"--max_skipped must lie between 0 and 1, not {self.max_skipped}")
        if not self.read_timeout > 0:
            raise UserError(f"--read_timeout must be above 0, not {self.read_timeout}")
        if self.dataloader_num_workers < 0:
            raise UserError(f"--dataloader_num_workers must be at least 0, not {self.dataloader_num_workers}")
