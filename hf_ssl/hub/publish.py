"""Publish a run: one commit with everything, on top of what was looked at, or none."""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hf_ssl.errors import UserError
from hf_ssl.hub.card import card_text
from hf_ssl.hub.metadata import evaluation_file
from hf_ssl.hub.notes import notes_of, whole_body
from hf_ssl.hub.repository import CARD, KEPT, RESULTS, Published, Repository, keep_at_it
from hf_ssl.hub.sharing import without_private_paths
from hf_ssl.patience import LONG
from hf_ssl.pretext.base import STATISTICS
from hf_ssl.pretext.tasks import task_names
from hf_ssl.pretrained import settings_of
from hf_ssl.training.run_folder import RunFolder

EVALUATION = ".eval_results/hf_ssl.yaml"


@dataclass(frozen=True)
class Publication:
    """What is published where.

    Attributes:
        folder: of the run.
        results: of the run.
        repository: as it was when it was opened.
        card_only: nothing but the card.
        replace: even what another run published.
    """

    folder: RunFolder
    results: dict[str, Any]
    repository: Repository
    card_only: bool = False
    replace: bool = False

    @property
    def command(self) -> str:
        """That does the same again."""
        words = ["python", "scripts/publish.py", str(self.folder.path), "--hub_model_id", self.repository.id]
        chosen = {"--hub_private": self.repository.private, "--card_only": self.card_only, "--replace": self.replace}
        return shlex.join(words + [flag for flag, on in chosen.items() if on])


def publish(publication: Publication, seconds: float = LONG) -> Published:
    """Bring a repository to the state of a run: model, processor, card, results, pictures.

    All changes are one commit, whose parent is the commit that was looked at: after a failure anywhere the repository is in
    the old or the new state. Where it is in the new one already, no commit is made. What a person wrote between the marked
    lines of the published card is kept.

    Args:
        publication: what and where.
        seconds: in all.

    Raises:
        UserError: if the repository holds what another run published; if the Hub cannot be reached, with the command that
            finishes the job. Nothing is lost.
    """
    folder, repository = publication.folder, publication.repository

    def attempt() -> Published:
        now = replace(publication, repository=Repository.look(repository.api, repository.id))
        return _publish_once(now)

    def failed(what: str) -> str:
        return (
            f"{folder.path} was not published to {repository.id} ({what}); everything is in the folder, and this finishes "
            f"the job: {publication.command}"
        )

    return keep_at_it(attempt, seconds, failed)


def _publish_once(publication: Publication) -> Published:
    folder, repository = publication.folder, publication.repository
    results = without_private_paths(publication.results | _settings(folder))
    if not publication.replace:
        repository.check_owner(results["run"])
    old = repository.results()
    if publication.card_only:
        if not old:
            raise UserError(
                f"{repository.id} holds no published run whose card could be rewritten; leave out --card_only"
            )
        results = old  # a card says what lies beside it, however far the run has come since
        contents: dict[str, Path | bytes] = {}
    else:
        contents = _contents(folder, results)
    contents[CARD] = card_text(folder, results, repository.id, _notes(publication)).encode()
    stale: set[str] = set()
    if not publication.card_only:
        results |= {"files": sorted(contents)}
        contents[RESULTS] = (json.dumps(results, indent=2) + "\n").encode()
        stale = set(repository.files if publication.replace else old.get("files", [])) - set(contents) - KEPT
    message = f"{'Card of' if publication.card_only else 'Pretrained with'} {results['task']}"
    return repository.commit(contents, stale, message)


def _contents(folder: RunFolder, results: dict[str, Any]) -> dict[str, Path | bytes]:
    """Everything but card and results: name in the repository -> file or content."""
    contents: dict[str, Path | bytes] = {
        file.relative_to(folder.model).as_posix(): file for file in sorted(folder.model.rglob("*")) if file.is_file()
    }
    statistics = folder.processor / STATISTICS
    if statistics.exists():
        contents[STATISTICS] = statistics
    contents |= {f"plots/{name}": folder.plots / name for name in results["plots"].values()}
    evaluation = evaluation_file(results)
    return contents | ({EVALUATION: evaluation.encode()} if evaluation else {})


def _settings(folder: RunFolder) -> dict[str, Any]:
    """The task's, by which the model is known again; of a classifier none."""
    if folder.config["task"] not in task_names():
        return {}
    rows = {name: folder.config.get(name) for name in ("dataset_config", "train_split", "eval_split", "label_column")}
    return {"settings": settings_of(folder.config), "rows": rows}


def _notes(publication: Publication) -> str:
    """What a person wrote: on the Hub, or else in the run folder. A card that no run wrote is kept whole."""
    repository, card = publication.repository, publication.folder.card
    there = repository.read(CARD)
    if there and RESULTS not in repository.files:
        return whole_body(there)
    return notes_of(there) or (notes_of(card.read_text()) if card.exists() else "")
