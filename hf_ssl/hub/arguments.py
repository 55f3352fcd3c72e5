"""Whether and where something is published: flags of the scripts that pretrain and deploy."""

from dataclasses import dataclass, field

from hf_ssl.errors import UserError


@dataclass
class HubArguments:
    """Where on the Hub; the token comes from `hf auth login` or HF_TOKEN."""

    _argument_group_name = "hub"

    push_to_hub: bool = field(default=False, metadata={"help": "Publish the model with its card at the end."})
    hub_model_id: str | None = field(
        default=None, metadata={"help": "owner/name, or a name of one's own (default: the run folder's name)."}
    )
    hub_private: bool = field(default=False, metadata={"help": "A new repository is private."})

    def __post_init__(self) -> None:
        if not self.push_to_hub and (self.hub_model_id or self.hub_private):
            raise UserError("--hub_model_id and --hub_private need --push_to_hub")


@dataclass
class SpaceArguments:
    """Which Space; the token comes from `hf auth login` or HF_TOKEN."""

    _argument_group_name = "space"

    space: str | None = field(default=None, metadata={"help": "owner/name of the Space, or a name of one's own."})
    comparison: list[str] = field(
        default_factory=list, metadata={"help": "Folders of comparisons on the shown data sets, for the third tab."}
    )
    private: bool = field(default=False, metadata={"help": "A new Space is private."})
    replace: bool = field(default=False, metadata={"help": "Replace what something else put there."})

    def __post_init__(self) -> None:
        if self.space is None:
            raise UserError("name the Space with --space user/name")
