"""Flags of the demo: which models, which rows."""

from dataclasses import dataclass, field


@dataclass
class DemoArguments:
    """What is shown."""

    _argument_group_name = "demo"

    run: list[str] = field(
        default_factory=list,
        metadata={"help": "Folders of finished runs or comparisons (default: the newest ones below runs)."},
    )
    model: list[str] = field(default_factory=list, metadata={"help": "Models of the Hub, user/name."})
    dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Hub id, folder or embedded:...: rows to show (default: what the first model was trained on)."
        },
    )
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    train_split: str = field(default="train", metadata={"help": "Split that baselines learn from."})
    eval_split: str | None = field(
        default=None, metadata={"help": "Split whose rows are shown (default: that of the run, else held-out rows)."}
    )
    label_column: str | None = field(default=None, metadata={"help": "Labels (default: 'label' or 'cls')."})
    text_column: str | None = field(default=None, metadata={"help": "Column that holds the text (default: found)."})
    image_column: str | None = field(default=None, metadata={"help": "Column that holds the images (default: found)."})
