"""Whether and where a run is published: flags of the scripts that pretrain and publish."""

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
