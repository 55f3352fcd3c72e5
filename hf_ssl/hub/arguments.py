"""Flags that say whether and where a model is published."""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_ssl.common.errors import UserError


@dataclass
class HubArguments:
    """Where on the Hub; the token comes from `hf auth login` or HF_TOKEN."""

    _argument_group_name = "hub"

    push_to_hub: bool = field(default=False, metadata={"help": "Publish the model with its card at the end."})
    hub_model_id: str | None = field(
        default=None,
        metadata={
            "help": "Repository to publish to: owner/name, or a name in your own namespace.",
            "default": "the run folder's name",
        },
    )
    hub_private: bool = field(default=False, metadata={"help": "Make a new repository private."})

    def __post_init__(self) -> None:
        if not self.push_to_hub and (self.hub_model_id or self.hub_private):
            raise UserError("--hub_model_id and --hub_private need --push_to_hub")
