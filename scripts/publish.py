"""Publish a run on the Hub: model, processor, card, results and pictures in one commit.

    python scripts/publish.py runs/mine --hub_model_id user/name           # a finished run, or one that was interrupted
    python scripts/publish.py runs/mine --hub_model_id user/name --card_only
    python scripts/publish.py runs/mine --hub_model_id team/name --create_pr --license apache-2.0

If nothing changed, it does nothing. After a failure, rerun it to finish the job. Text between the marked lines at the end of a
published card is kept, and so are metadata that its owner wrote or changed. The token comes from `hf auth login` or HF_TOKEN.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.run_folder import COMPARISON, PRETRAINING, RunFolder
from hf_ssl.common.script import run_script
from hf_ssl.hub.arguments import HubPlace


@dataclass
class Place(HubPlace):
    """Where to, and what; the token comes from `hf auth login` or HF_TOKEN."""

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
        repository = open_repository(HfApi(), where, folder.path, results.run, where.replace)
        tell(publish(Publication(folder, results, repository, where.card_only, where.replace, where.license)))


if __name__ == "__main__":
    run_script(main)
