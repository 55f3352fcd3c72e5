"""Publish a run: one commit with everything, on top of the state that was read, or none."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.common.patience import LONG
from hf_ssl.common.run_folder import FINE_TUNING, PRETRAINING, RunFolder
from hf_ssl.hub.repository import CARD, KEPT, RESULTS, Published, Repository, keep_at_it
from hf_ssl.modalities.prepared import STATISTICS
from hf_ssl.pretext.pairing import pair_recorded
from hf_ssl.runs.card import card_text, last_part, name_of, notes_of, whole_body
from hf_ssl.runs.metadata import evaluation_file, metadata
from hf_ssl.runs.owner_metadata import merge_metadata, metadata_in
from hf_ssl.runs.results import RunResults

EVALUATION = ".eval_results/hf_ssl.yaml"
MADE = {PRETRAINING: "Pretrained with", FINE_TUNING: "Fine-tuned for"}
ROWS = ("dataset_config", "train_split", "eval_split", "label_column", "sample_by", "encoding")


@dataclass(frozen=True)
class Publication:
    """What is published where.

    Attributes:
        folder: of the run.
        results: of the run.
        repository: as it was when it was opened.
        card_only: nothing but the card.
        replace: even what another run published.
        license: that the card states; None keeps the present one.
    """

    folder: RunFolder
    results: RunResults
    repository: Repository
    card_only: bool = False
    replace: bool = False
    license: str | None = None

    @property
    def command(self) -> str:
        """Return the command that does the same again."""
        repository = self.repository
        words = ["python", "scripts/publish.py", str(self.folder.path), "--hub_model_id", repository.id]
        chosen = {
            "--hub_private": repository.private,
            "--card_only": self.card_only,
            "--replace": self.replace,
            "--create_pr": repository.pull_request is not None,
        }
        named = {"--hub_revision": None if repository.pull_request else repository.branch, "--license": self.license}
        words += [flag for flag, on in chosen.items() if on]
        return shlex.join(words + [word for flag, value in named.items() if value for word in (flag, value)])


def publish(publication: Publication, seconds: float = LONG) -> Published:
    """Bring a repository to the state of a run: model, processor, card, results, pictures.

    All changes are one commit, whose parent is the state that was read: after a failure anywhere, the repository is in the old or
    the new state. If it is in the new one already, no commit is made. What a person wrote between the marked lines of the
    published card is kept.

    Args:
        publication: what and where.
        seconds: in all.

    Raises:
        UserError: if the repository holds what another run published; if the Hub cannot be reached, with the command that
            finishes the job. Nothing is lost.
    """
    folder, repository = publication.folder, publication.repository

    def attempt() -> Published:
        now = replace(publication, repository=repository.again())
        return _publish_card(now) if publication.card_only else _publish_run(now)

    def failed(what: str) -> str:
        return (
            f"{folder.path} was not published to {repository.id} ({what}); the folder still holds everything, and this command "
            f"finishes the job: {publication.command}"
        )

    return keep_at_it(attempt, seconds, failed)


def _publish_run(publication: Publication) -> Published:
    """Publish model, card, results and pictures."""
    folder, repository = publication.folder, publication.repository
    results = without_private_paths(_with_settings(publication.results, folder))
    if not publication.replace:
        repository.check_owner(results.run)
    contents = _contents(folder, results)
    contents[CARD] = _card(publication, results)
    results = replace(results, files=sorted(contents))
    contents[RESULTS] = results.text().encode()
    published = repository.read_json(RESULTS).get("files") or []
    stale = set(repository.files if publication.replace else published) - set(contents) - KEPT
    return repository.commit(contents, stale, f"{MADE[results.kind]} {results.task}")


def _publish_card(publication: Publication) -> Published:
    """Publish the card alone: it describes the model beside it, however far the run has come since."""
    folder, repository = publication.folder, publication.repository
    if not publication.replace:
        repository.check_owner(publication.results.run)
    try:
        results = RunResults.of(repository.read_json(RESULTS))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{repository.id} holds no published run whose card could be rewritten; leave out --card_only"
        ) from error
    if results.run != publication.results.run:
        raise UserError(
            f"{repository.id} holds another run than {folder.path}, so this card would be wrong; leave out --card_only"
        )
    return repository.commit({CARD: _card(publication, results)}, (), f"Card of {results.task}")


def _card(publication: Publication, results: RunResults) -> bytes:
    """Return the card, with the metadata and notes of its owner: on the Hub, or else in the run folder."""
    folder, repository = publication.folder, publication.repository
    there = repository.read(CARD)
    name = name_of(folder, repository.id)
    if there:
        theirs, before = metadata_in(there, repository.id), _written_before(repository, name)
    else:
        here = folder.card.read_text(encoding="utf-8") if folder.card.exists() else ""
        theirs, before = metadata_in(here, str(folder.path)), metadata(name_of(folder, None), publication.results)
    data = merge_metadata(theirs, before, metadata(name, results), publication.license)
    return card_text(folder, results, repository.id, _notes(publication, there), data).encode()


def _written_before(repository: Repository, name: str) -> dict[str, Any]:
    """Return the metadata that the published results led to; empty if no run was published."""
    try:
        return metadata(name, RunResults.of(repository.read_json(RESULTS)))
    except (KeyError, TypeError, ValueError, AttributeError):  # nothing there, or of another version
        return {}


def _contents(folder: RunFolder, results: RunResults) -> dict[str, Path | bytes]:
    """Return everything but card and results: name in the repository -> file or content."""
    contents: dict[str, Path | bytes] = {
        file.relative_to(folder.model).as_posix(): file for file in sorted(folder.model.rglob("*")) if file.is_file()
    }
    statistics = folder.processor / STATISTICS
    if statistics.exists():
        contents[STATISTICS] = statistics
    contents |= {f"plots/{name}": folder.plots / name for name in results.plots.values()}
    evaluation = evaluation_file(results)
    return contents | ({EVALUATION: evaluation.encode()} if evaluation else {})


def _with_settings(results: RunResults, folder: RunFolder) -> RunResults:
    """Return results with the settings by which a pretrained model is known again; a classifier has none."""
    if results.kind != PRETRAINING:
        return results
    settings = pair_recorded(folder.config).settings()
    return replace(results, settings=settings, rows={name: folder.config.get(name) for name in ROWS})


def _notes(publication: Publication, there: str) -> str:
    """Return what a person wrote, on the Hub or else in the run folder; a card that no run wrote is kept whole."""
    card = publication.folder.card
    if there and RESULTS not in publication.repository.files:
        return whole_body(there)
    return notes_of(there) or (notes_of(card.read_text(encoding="utf-8")) if card.exists() else "")


def without_private_paths(results: RunResults) -> RunResults:
    """Return results for others: local data and models by name only, no names of their files or rows."""
    data, model = results.data, results.model
    words = [_shared_word(word) for word in shlex.split(results.command)]
    return replace(
        results,
        command=shlex.join(words),
        data=replace(
            data,
            name=data.name if data.on_hub else last_part(data.name),
            files={name: value for name, value in data.files.items() if data.on_hub or name != "named"},
            skipped_examples=[],
            rows=_shared(data.rows),
        ),
        model=replace(model, base=model.base if model.base_on_hub else last_part(model.base)),
        settings=_shared(results.settings),
    )


def _shared(values: dict[str, object] | None) -> dict[str, object] | None:
    """Return named values with every absolute path shortened to its last part."""
    return None if values is None else {name: last_part(value) for name, value in values.items()}


def _shared_word(word: str) -> str:
    """Return a word of a command line without the folders of a path."""
    flag, sign, value = word.partition("=")
    if word.startswith("--") and sign:
        return f"{flag}={last_part(value)}"
    script = re.search(r"scripts/[\w-]+\.py$", word)
    return script.group() if script else str(last_part(word))
