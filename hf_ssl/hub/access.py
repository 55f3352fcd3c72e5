"""Whether a run can be published, asked before it is trained."""

from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # public, but not listed

from hf_ssl.errors import UserError, in_one_line
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.hub.repository import Repository
from hf_ssl.patience import BRIEF, patiently, status_of
from hf_ssl.training.run_folder import RunFolder

MENDED = "give another --hub_model_id"


def reserve(api: HfApi, hub: HubArguments, folder: RunFolder) -> str:
    """Make sure before a run that it can be published; owner/name of its repository.

    Raises:
        UserError: as `open_repository`, and if the repository holds what another run published.
    """
    repository = open_repository(api, hub.hub_model_id, folder.path, hub.hub_private)
    repository.check_owner(folder.record()["run"])
    return repository.id


def open_repository(api: HfApi, model_id: str | None, folder: Path, private: bool) -> Repository:
    """Make the repository, or find that one may write to it.

    Args:
        api: of the Hub.
        model_id: owner/name, or a name in the namespace of the token's owner; None takes the folder's name.
        folder: of the run.
        private: whether a new repository is to be.

    Raises:
        UserError: if there is no token or it may not write, if the name is not valid, if the repository cannot be made, is
            somebody else's, or is public and should not be.
    """
    name = model_id or folder.resolve().name
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(
            f"'{name}' cannot be the name of a model on the Hub: {in_one_line(error)}; give a valid --hub_model_id"
        ) from error
    try:
        account = patiently(api.whoami, BRIEF)
    except LocalTokenNotFoundError as error:
        raise UserError("no token for the Hub; log in with `hf auth login` or set HF_TOKEN") from error
    except Exception as error:
        raise _refusal("ask the Hub whose token this is", error) from error
    if account["auth"]["accessToken"]["role"] == "read":
        raise UserError("this token for the Hub may only read; make one that may write, and set HF_TOKEN to it")
    model_id = name if "/" in name else f"{account['name']}/{name}"
    try:
        patiently(lambda: api.create_repo(model_id, private=private, exist_ok=True), BRIEF)
        patiently(lambda: api.auth_check(model_id, write=True), BRIEF)
        repository = patiently(lambda: Repository.look(api, model_id), BRIEF)
    except Exception as error:
        raise _refusal(f"write to {model_id}", error) from error
    if private and not repository.private:
        raise UserError(f"{model_id} exists and is public, not private; {MENDED}")
    return repository


def _refusal(what: str, error: Exception) -> UserError:
    """A sentence for what the client raises, which has no common class."""
    mended: dict[Any, str] = {
        401: "the token is not valid (any more): log in with `hf auth login` or set HF_TOKEN",
        403: f"the token may not: {MENDED}",
        404: f"the token may not: {MENDED}",
    }
    advice = mended.get(
        status_of(error), f"is {constants.ENDPOINT} reachable? Then try again, or leave out --push_to_hub"
    )
    return UserError(f"cannot {what} ({in_one_line(error)}): {advice}")
