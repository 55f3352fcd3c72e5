"""Whether a run can be published, asked before it is trained."""

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # public, but not listed

from hf_ssl.errors import UserError, in_one_line
from hf_ssl.hub.repository import Repository
from hf_ssl.patience import BRIEF, patiently, status_of

LOG_IN = "log in with `hf auth login` or set HF_TOKEN"


def open_repository(api: HfApi, model_id: str | None, folder: Path, private: bool, run: str | None) -> Repository:
    """Make the repository, or find that one may write to it.

    Args:
        api: of the Hub.
        model_id: owner/name, or a name in the namespace of the token's owner; None takes the folder's name.
        folder: of the run.
        private: whether a new repository is to be.
        run: that is to be published; None replaces what another run published.

    Raises:
        UserError: if there is no token or it may not write, if the name is not valid, if the repository cannot be made, is
            somebody else's, is public and should not be, or holds what another run published.
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
        raise UserError(f"no token for the Hub; {LOG_IN}") from error
    except Exception as error:
        raise _refusal(api, "ask the Hub whose token this is", error) from error
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise UserError("this token for the Hub may only read; make one that may write, and set HF_TOKEN to it")
    model_id = name if "/" in name else f"{account['name']}/{name}"

    def look() -> Repository:
        api.create_repo(model_id, private=private or None, exist_ok=True)
        api.auth_check(model_id, write=True)
        repository = Repository.look(api, model_id)
        if run is not None:
            repository.check_owner(run)
        return repository

    try:
        repository = patiently(look, BRIEF)
    except UserError:
        raise
    except Exception as error:
        raise _refusal(api, f"write to {model_id}", error) from error
    if private and not repository.private:
        raise UserError(f"{model_id} exists and is public, not private; give another --hub_model_id")
    return repository


def _refusal(api: HfApi, what: str, error: Exception) -> UserError:
    """A sentence for what the client raises, which has no common class."""
    status = status_of(error)
    advice = f"is {api.endpoint} reachable? Try again"
    if status == 401:
        advice = f"the token is not valid (any more); {LOG_IN}"
    elif status in (403, 404):
        advice = "the token may not; give another --hub_model_id"
    return UserError(f"cannot {what} ({in_one_line(error)}): {advice}")
