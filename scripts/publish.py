"""Publish a run on the Hub: model, processor, card, results and pictures in one commit.

    python scripts/publish.py runs/mine --hub_model_id user/name           # a finished run, or one that was interrupted
    python scripts/publish.py runs/mine --hub_model_id user/name --card_only

If nothing changed, it does nothing. After a failure, rerun it to finish the job. Text between the marked lines at the end of a
published card is kept. The token comes from `hf auth login` or HF_TOKEN.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.run_folder import COMPARISON, PRETRAINING, RunFolder
from hf_ssl.common.script import run_script


@dataclass
class Place:
    """Where to, and what."""

    hub_model_id: str | None = field(
        default=None,
        metadata={
            "help": "Repository to publish to: owner/name, or a name in your own namespace.",
            "default": "the run folder's name",
        },
    )
    hub_private: bool = field(default=False, metadata={"help": "Make a new repository private."})
    card_only: bool = field(default=False, metadata={"help": "Rewrite the card of a published model, nothing else."})
    replace: bool = field(
        default=False,
        metadata={"help": "Replace what another run published there, which is never overwritten unless you pass this."},
    )


def main(arguments: list[str]) -> None:
    """Read the run, publish it."""
    where, path = parse_arguments([Place], arguments, str(__doc__), positional="run_folder")
    say("loading libraries")

    from huggingface_hub import HfApi  # heavy: after --help

    from hf_ssl.hub.access import open_repository
    from hf_ssl.hub.publish import Publication, publish
    from hf_ssl.hub.repository import tell
    from hf_ssl.runs.finish import results_so_far
    from hf_ssl.runs.results import read_results

    with RunFolder.existing(path) as folder:
        if folder.kind == COMPARISON:
            raise UserError(f"{path} holds a comparison; you can publish the runs in {path / 'pretrained'}")
        finished = folder.results.exists()
        if not finished and folder.kind != PRETRAINING:
            raise UserError(f"the run in {path} is not finished; run its command again to resume it")
        results = read_results(folder) if finished else results_so_far(folder)
        run = None if where.replace else results.run
        repository = open_repository(HfApi(), where.hub_model_id, folder.path, where.hub_private, run)
        tell(publish(Publication(folder, results, repository, where.card_only, where.replace)))


if __name__ == "__main__":
    run_script(main)
