"""Publish a run: one commit with everything, on top of what was looked at, or none."""

import json
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError

from hf_ssl.errors import UserError, in_one_line
from hf_ssl.hub.card import card_text
from hf_ssl.hub.metadata import evaluation_file
from hf_ssl.hub.notes import notes_of
from hf_ssl.hub.repository import CARD, RESULTS, WEIGHTS, Repository
from hf_ssl.patience import LONG, patiently, status_of
from hf_ssl.training.run_folder import RunFolder

EVALUATION = ".eval_results/hf_ssl.yaml"
# What an earlier publication of a run may have left, and a new one does not hold any more.
REPLACED = (*WEIGHTS, "*.safetensors.index.json", "plots/*", "tokenizer*", "special_tokens_map.json", EVALUATION)


@dataclass(frozen=True)
class Published:
    """Where a run is now: address of the repository, its newest commit, and whether this made it."""

    url: str
    commit: str
    changed: bool


class _StaleError(Exception):
    """Somebody made a commit between looking and committing."""


def push(api: HfApi, folder: RunFolder, results: dict[str, Any], model_id: str, **options: Any) -> None:
    """`publish`, and tell how it went.

    Raises:
        UserError: with the command that finishes the job; nothing is lost.
    """
    try:
        published = publish(api, folder, results, model_id, **options)
    except UserError as error:
        command = shlex.join(["python", "scripts/publish.py", str(folder.path), "--hub_model_id", model_id])
        raise UserError(f"{error}; everything is in {folder.path}, and this finishes the job: {command}") from error
    print(
        f"{'published' if published.changed else 'nothing to publish, all is there'}: {published.url} at {published.commit}"
    )


def publish(
    api: HfApi,
    folder: RunFolder,
    results: dict[str, Any],
    model_id: str,
    card_only: bool = False,
    replace: bool = False,
    seconds: float = LONG,
) -> Published:
    """Bring a repository to the state of a run: model, processor, card, results, pictures.

    All changes are one commit, whose parent is the commit that was looked at: after a failure anywhere the repository is in
    the old or the new state. Where it is in the new one already, no commit is made. What a person wrote between the marked
    lines of the published card is kept.

    Args:
        api: of the Hub.
        folder: of the run.
        results: of the run.
        model_id: owner/name of an existing repository.
        card_only: nothing but the card.
        replace: even what another run published.
        seconds: in all.

    Raises:
        UserError: if the repository holds what another run published, or the Hub cannot be reached.
    """

    def attempt() -> Published:
        return _publish_once(api, folder, results, model_id, card_only, replace)

    try:
        # After 412 it is looked at again: what another run has committed stays, on top of other changes there is a next try.
        return patiently(attempt, seconds, also=(_StaleError,))
    except UserError:
        raise
    except Exception as error:  # the client's own errors and those of its transports share no class
        raise UserError(f"{folder.path} was not published to {model_id} ({in_one_line(error)})") from error


def _publish_once(
    api: HfApi, folder: RunFolder, results: dict[str, Any], model_id: str, card_only: bool, replace: bool
) -> Published:
    repository = Repository.look(api, model_id)
    if not replace:
        repository.check_owner(results["run"])
    if card_only and RESULTS not in repository.files:
        raise UserError(f"{model_id} holds no published run whose card could be rewritten; leave out --card_only")
    notes = notes_of(repository.read(CARD)) or notes_of(folder.card.read_text() if folder.card.exists() else "")
    contents: dict[str, Path | bytes] = {CARD: card_text(folder, results, model_id, notes).encode()}
    stale: list[str] = []
    if not card_only:
        contents |= _contents(folder, results)
        old = [name for name in repository.files if any(fnmatch(name, pattern) for pattern in REPLACED)]
        stale = [name for name in old if name not in contents]
    try:
        commit = api.create_commit(
            model_id,
            [CommitOperationAdd(*item) for item in contents.items()] + [CommitOperationDelete(name) for name in stale],
            commit_message=f"{'Card of' if card_only else 'Pretrained with'} {results['task']}",
            parent_commit=repository.head,
        )
    except HfHubHTTPError as error:
        if status_of(error) == 412:
            raise _StaleError(f"{model_id} was changed meanwhile") from error
        raise
    return Published(f"{api.endpoint}/{model_id}", commit.oid, changed=commit.oid != repository.head)


def _contents(folder: RunFolder, results: dict[str, Any]) -> dict[str, Path | bytes]:
    """Everything but the card: name in the repository -> file or content."""
    contents: dict[str, Path | bytes] = {file.name: file for file in sorted(folder.model.iterdir()) if file.is_file()}
    contents |= {f"plots/{name}": folder.plots / name for name in results["plots"].values()}
    contents[RESULTS] = (json.dumps(results, indent=2) + "\n").encode()
    evaluation = evaluation_file(results)
    return contents | ({EVALUATION: evaluation.encode()} if evaluation else {})
