"""Publish a run on the Hub: model, processor, card, results and pictures in one commit.

    python scripts/publish.py runs/mine --hub_model_id user/name           # a finished run, or one that was interrupted
    python scripts/publish.py runs/mine --hub_model_id user/name --card_only

Again without a change it does nothing; after a failure it finishes the job. What stands between the marked lines at the end
of a published card is kept. The token comes from `hf auth login` or HF_TOKEN.
"""

import json
from dataclasses import dataclass, field

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.errors import UserError


@dataclass
class Place:
    """Where to, and what."""

    hub_model_id: str | None = field(
        default=None, metadata={"help": "owner/name, or a name of one's own (default: the run folder's name)."}
    )
    hub_private: bool = field(default=False, metadata={"help": "A new repository is private."})
    card_only: bool = field(default=False, metadata={"help": "Write the card of a published model anew, nothing else."})
    replace: bool = field(default=False, metadata={"help": "Replace what another run published there."})


def main(arguments: list[str]) -> None:
    """Look at the run, publish it."""
    where, path = parse_arguments([Place], arguments, str(__doc__), positional="run_folder")
    from huggingface_hub import HfApi

    from hf_ssl.hub.access import open_repository
    from hf_ssl.hub.publish import Publication, publish
    from hf_ssl.hub.repository import tell
    from hf_ssl.interrupted import results_so_far
    from hf_ssl.training.run_folder import RunFolder

    with RunFolder.existing(path) as folder:
        if folder.config["task"] == "comparison":
            raise UserError(f"{path} holds a comparison; what can be published are the runs in {path / 'pretrained'}")
        results = json.loads(folder.results.read_text()) if folder.results.exists() else results_so_far(folder)
        run = None if where.replace else results["run"]
        repository = open_repository(HfApi(), where.hub_model_id, folder.path, where.hub_private, run)
        tell(publish(Publication(folder, results, repository, where.card_only, where.replace)))


if __name__ == "__main__":
    run_script(main)
