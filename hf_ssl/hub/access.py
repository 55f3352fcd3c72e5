"""Write access to the Hub, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # public, but not listed

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import BRIEF, patiently, status_of
from hf_ssl.hub.arguments import HubPlace
from hf_ssl.hub.repository import Address, Kind, Repository

LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
FINE_GRAINED = "fineGrained"
WRITING, ASKING = {"repo.write"}, {"discussion.write"}  # permissions of fine-grained tokens
FLAGS: dict[Kind, str] = {"model": "--hub_model_id", "space": "--space"}


def open_repository(api: HfApi, place: HubPlace, folder: Path, run: str, replace: bool = False) -> Repository:
    """Return the repository of a run, which is made if it does not exist yet.

    Args:
        api: of the Hub.
        place: flags.
        folder: of the run.
        run: that is to be published.
        replace: even what another run published.

    Raises:
        UserError: if there is no token or it may not write, if the name is not valid, if the repository cannot be made, belongs
            to somebody else, is public and should not be, or holds what another run published.
    """

    def check(repository: Repository) -> None:
        if not replace:
            repository.check_owner(run)

    name = with_owner(api, place.hub_model_id or folder.resolve().name, "model", place.create_pr)
    if place.create_pr:
        return _open_for_request(api, name, f"Publish run {run}", check)
    return open_writable(api, Address(name, branch=place.hub_revision), place.hub_private, check)


def with_owner(api: HfApi, name: str, kind: Kind, asks: bool = False) -> str:
    """Return the name with its namespace: that of the token's owner, unless it has one.

    Args:
        api: of the Hub.
        name: owner/name, or a name.
        kind: of what it names.
        asks: whether only a pull request is made.

    Raises:
        UserError: if the name is not valid, if there is no token or it may only read.
    """
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(
            f"'{name}' cannot be the name of a {kind} on the Hub: {in_one_line(error)}; give a valid {FLAGS[kind]}"
        ) from error
    try:
        account = patiently(api.whoami, BRIEF)
    except LocalTokenNotFoundError as error:
        raise UserError(f"no token for the Hub; {LOG_IN}") from error
    except Exception as error:
        raise _refusal(api, "ask the Hub whose token this is", error, kind) from error
    token = account.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read" or (token.get("role") == FINE_GRAINED and not _may_write(token, asks)):
        raise UserError("this token for the Hub may only read; make one that may write, and set HF_TOKEN to it")
    return name if "/" in name else f"{account['name']}/{name}"


def _may_write(token: dict[str, Any], asks: bool) -> bool:
    """Return whether a fine-grained token may write anywhere, or ask anywhere that something be written."""
    granted = token.get("fineGrained", {})
    permissions = {each for scope in granted.get("scoped", ()) for each in scope.get("permissions", ())}
    permissions |= set(granted.get("global", ()))
    return bool(permissions & (WRITING | ASKING if asks else WRITING))


def _open_for_request(api: HfApi, repo_id: str, title: str, check: Callable[[Repository], None]) -> Repository:
    """Return a repository, perhaps of somebody else, to make a pull request to."""

    def look() -> Repository:
        repository = Repository.look(api, repo_id, pull_request=title)
        check(repository)
        return repository

    try:
        return patiently(look, BRIEF)
    except UserError:
        raise
    except Exception as error:
        raise _refusal(api, f"make a pull request to {repo_id}", error, "model") from error


def open_writable(api: HfApi, where: Address, private: bool, check: Callable[[Repository], None]) -> Repository:
    """Return a repository that the token may write to; it and its branch are made if they do not exist yet.

    Args:
        api: of the Hub.
        where: the repository and its branch.
        private: whether a new repository is private.
        check: refuses what is there already.

    Raises:
        UserError: if it cannot be made, belongs to somebody else, is public and should not be, or is refused by ``check``.
    """
    repo_id, kind, branch = where.id, where.kind, where.branch

    def look() -> Repository:
        sdk = "gradio" if kind == "space" else None
        api.create_repo(repo_id, repo_type=kind, space_sdk=sdk, private=private or None, exist_ok=True)
        api.auth_check(repo_id, repo_type=kind, write=True)
        if branch is not None:
            api.create_branch(repo_id, branch=branch, repo_type=kind, exist_ok=True)
        repository = Repository.look(api, repo_id, kind, branch)
        check(repository)
        return repository

    try:
        repository = patiently(look, BRIEF)
    except UserError:
        raise
    except Exception as error:
        raise _refusal(api, f"write to {repo_id}", error, kind) from error
    if private and not repository.private:
        raise UserError(f"{repo_id} exists and is public, not private; give another {FLAGS[kind]}")
    return repository


def _refusal(api: HfApi, what: str, error: Exception, kind: Kind) -> UserError:
    """Return a sentence for what the client raises, which has no common class."""
    status = status_of(error)
    advice = f"is {api.endpoint} reachable? Try again"
    if status == 401:
        advice = f"the token is invalid or has expired; {LOG_IN}"
    elif status in (403, 404):
        advice = (
            f"the token has no permission there; give it one in the settings of the Hub, or give another {FLAGS[kind]}"
        )
    return UserError(f"cannot {what} ({in_one_line(error)}): {advice}")
