"""Flags of the demo: which models, which rows; and where it is deployed. Nothing here needs torch, so that --help is quick."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.known import flags_of, reading_flags


def column_flags(modality: str) -> list[str]:
    """Return the names of the flags by which the columns of a modality are named."""
    return [name for name in flags_of(modality)[0].reading if name.endswith("_column")]


def _columns() -> Any:
    """Return a dataclass of the column flags of all modalities."""
    named = [each for each in fields(reading_flags()) if each.name.endswith("_column")]
    flags = [(each.name, str | None, field(default=None, metadata=each.metadata)) for each in named]
    return make_dataclass("ColumnFlags", flags)


@dataclass
class DemoArguments(_columns()):  # type: ignore[misc] # its flags are those of the modalities there are
    """What is shown."""

    _argument_group_name = "demo"

    run: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Folders of finished runs or comparisons.",
            "default": "the newest ones below runs",
        },
    )
    model: list[str] = field(default_factory=list, metadata={"help": "Models of the Hub, user/name."})
    dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Hub id, folder or embedded:...: rows to show.",
            "default": "what the first model was trained on",
        },
    )
    dataset_config: str | None = field(
        default=None, metadata={"help": "Configuration of the data set.", "default": "the only one"}
    )
    train_split: str = field(default="train", metadata={"help": "Split that baselines learn from."})
    eval_split: str | None = field(
        default=None,
        metadata={"help": "Split whose rows are shown.", "default": "that of the run, else held-out rows"},
    )
    label_column: str | None = field(
        default=None,
        metadata={
            "help": "Column with the labels.",
            "default": "'label' or 'cls', or the only one whose name looks like labels",
        },
    )


@dataclass
class SpaceArguments:
    """Which Space; the token comes from `hf auth login` or HF_TOKEN."""

    _argument_group_name = "space"

    space: str | None = field(
        default=None, metadata={"help": "owner/name of the Space, or a name of your own.", "default": "must be given"}
    )
    comparison: list[str] = field(
        default_factory=list, metadata={"help": "Folders of comparisons on the shown data sets, for the third tab."}
    )
    private: bool = field(default=False, metadata={"help": "A new Space is private."})
    replace: bool = field(default=False, metadata={"help": "Replace what something else put there."})

    def __post_init__(self) -> None:
        if self.space is None:
            raise UserError("name the Space with --space user/name")
