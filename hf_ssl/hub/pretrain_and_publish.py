"""A pretraining run, published at its end if that is asked for."""

from __future__ import annotations

from huggingface_hub import HfApi

from hf_ssl.data.arguments import DataArguments
from hf_ssl.hub.access import open_repository
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository, tell
from hf_ssl.pretext.pairing import Pairing
from hf_ssl.runs.job import Job
from hf_ssl.runs.pretrain import PretrainingRun, open_run, tell_if_finished
from hf_ssl.runs.results import read_results
from hf_ssl.training.arguments import TrainingArguments


def pretrain_and_publish(
    pairing: Pairing, data: DataArguments, training: TrainingArguments, hub: HubArguments, command: str
) -> None:
    """Run or resume a pretraining run; whether the token may write is asked before training begins.

    Raises:
        UserError: for anything that the user can fix.
        Stopped: after a signal, when all is saved.
    """
    api = HfApi()
    with open_run(Job.of(pairing, data, training, command)) as run:
        publishing = run.main and hub.push_to_hub
        if not tell_if_finished(run):
            run.prepare()
            if publishing:
                _open(api, hub, run)
            run.train_and_finish()
        if publishing:
            results = read_results(run.folder)
            tell(publish(Publication(run.folder, results, _open(api, hub, run), license=hub.license)))


def _open(api: HfApi, hub: HubArguments, run: PretrainingRun) -> Repository:
    folder = run.folder
    return open_repository(api, hub, folder.path, folder.record()["run"])
