"""Write access to the Hub, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # public, but not listed

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import BRIEF, patiently, status_of
from hf_ssl.hub.repository import Kind, Repository

LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
FLAGS: dict[Kind, str] = {"model": "--hub_model_id", "space": "--space"}


def open_repository(api: HfApi, model_id: str | None, folder: Path, private: bool, run: str | None) -> Repository:
    """Return the repository of a run, which is made if it does not exist yet.

    Args:
        api: of the Hub.
        model_id: owner/name, or a name in the namespace of the token's owner; None takes the folder's name.
        folder: of the run.
        private: whether a new repository is private.
        run: that is to be published; None replaces what another run published.

    Raises:
        UserError: if there is no token or it may not write, if the name is not valid, if the repository cannot be made, belongs
            to somebody else, is public and should not be, or holds what another run published.
    """

    def check(repository: Repository) -> None:
        if run is not None:
            repository.check_owner(run)

    name = with_owner(api, model_id or folder.resolve().name, "model")
    return open_writable(api, name, "model", private, check)


def with_owner(api: HfApi, name: str, kind: Kind) -> str:
    """Return the name with its namespace: that of the token's owner, unless it has one.

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
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise UserError("this token for the Hub may only read; make one that may write, and set HF_TOKEN to it")
    return name if "/" in name else f"{account['name']}/{name}"


def open_writable(
    api: HfApi, repo_id: str, kind: Kind, private: bool, check: Callable[[Repository], None]
) -> Repository:
    """Return a repository that the token may write to, which is made if it does not exist yet.

    Args:
        api: of the Hub.
        repo_id: owner/name.
        kind: of what it holds.
        private: whether a new repository is private.
        check: refuses what is there already.

    Raises:
        UserError: if it cannot be made, belongs to somebody else, is public and should not be, or is refused by ``check``.
    """

    def look() -> Repository:
        sdk = "gradio" if kind == "space" else None
        api.create_repo(repo_id, repo_type=kind, space_sdk=sdk, private=private or None, exist_ok=True)
        api.auth_check(repo_id, repo_type=kind, write=True)
        repository = Repository.look(api, repo_id, kind)
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
        advice = f"the token has no permission; give another {FLAGS[kind]}"
    return UserError(f"cannot {what} ({in_one_line(error)}): {advice}")
