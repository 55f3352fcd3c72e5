"""Flags that say whether and where a model is published."""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_ssl.common.errors import UserError


@dataclass
class HubPlace:
    """Where on the Hub; the token comes from `hf auth login` or HF_TOKEN."""

    _argument_group_name = "hub"

    hub_model_id: str | None = field(
        default=None,
        metadata={
            "help": "Repository to publish to: owner/name, where the owner may be an organisation, or a name in your own "
            "namespace.",
            "default": "the run folder's name",
        },
    )
    hub_private: bool = field(default=False, metadata={"help": "Make a new repository private."})
    hub_revision: str | None = field(
        default=None,
        metadata={"help": "Branch to publish to, which is made if it does not exist.", "default": "the main branch"},
    )
    create_pr: bool = field(
        default=False,
        metadata={
            "help": "Make a pull request instead of a commit; publishing again goes on with it while it is open."
        },
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "Licence of the model, such as apache-2.0.",
            "default": "that on the published card, or that of the data set",
        },
    )

    def __post_init__(self) -> None:
        if self.create_pr and self.hub_revision:
            raise UserError("--create_pr and --hub_revision exclude each other: a pull request has a branch of its own")
        if self.license is not None and not self.license.strip():
            raise UserError("--license is empty; name a licence, or leave it out")


@dataclass
class HubArguments(HubPlace):
    """Whether and where on the Hub; the token comes from `hf auth login` or HF_TOKEN."""

    push_to_hub: bool = field(default=False, metadata={"help": "Publish the model with its card at the end."})

    def __post_init__(self) -> None:
        super().__post_init__()
        place = (self.hub_model_id, self.hub_private, self.hub_revision, self.create_pr, self.license)
        if not self.push_to_hub and any(place):
            raise UserError(
                "--hub_model_id, --hub_private, --hub_revision, --create_pr and --license need --push_to_hub"
            )
