"""Models of the Hub, ready to compute features: those that were published from a run, and others."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from safetensors import SafetensorError

from hf_ssl.errors import UserError, in_one_line
from hf_ssl.hub.access import LOG_IN
from hf_ssl.hub.foreign import understand
from hf_ssl.hub.repository import RESULTS
from hf_ssl.patience import BRIEF, LONG, patiently, status_of
from hf_ssl.pretext.base import STATISTICS, Prepared, PretextTask
from hf_ssl.pretext.tasks import task_class, task_names
from hf_ssl.pretrained import Pretrained, load_encoder, load_pretrained, settings_of

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]  # nothing that can run code
ELSEWHERE = "*/*"  # checkpoints and other formats
NEEDED = {"run": str, "task": str, "cost": dict, "data": dict, "settings": dict}  # of the results of a run


def load_models(names: Sequence[str], api: HfApi | None = None) -> list[Pretrained]:
    """Load models, each from a run's folder where there is such a path, else from the Hub.

    Args:
        names: paths and Hub ids.
        api: of the Hub.

    Raises:
        UserError: if one is neither, or cannot be loaded.
    """
    return [load_pretrained(Path(name)) if Path(name).exists() else load_published(name, api=api) for name in names]


def load_published(model_id: str, revision: str | None = None, api: HfApi | None = None) -> Pretrained:
    """Load a model of the Hub, or of the cache where the Hub cannot be reached; its code, if it has any, is not run.

    A model that was published from a run is the same as in its run's folder, untrained too. What any other model is for,
    its configuration says.

    Args:
        model_id: owner/name.
        revision: branch, tag or commit; None takes the newest commit.
        api: of the Hub.

    Raises:
        UserError: if there is no such model, it may not be read, has no weights as safetensors, is neither of text nor of
            images, or the Hub cannot be reached.
    """
    folder = _download(api or HfApi(), model_id, revision)
    if not (folder / "config.json").exists():
        raise UserError(f"'{model_id}' has no config.json, so that transformers cannot load it; name another model")
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"'{model_id}' has no weights as safetensors, and no others are loaded, because they could run code; name "
            "another model or revision"
        )
    encoder = load_encoder(folder, model_id)
    results = _results(folder)
    task, prepared = _as_trained(folder, results, model_id) if results else understand(encoder, folder, model_id)
    return Pretrained(model_id, folder, folder, task, prepared, encoder, results)


def _download(api: HfApi, model_id: str, revision: str | None) -> Path:
    """The files of one commit."""
    with asking(api, model_id, revision):
        pinned = patiently(lambda: api.resolve_revision(model_id, revision=revision), BRIEF)

        def download() -> str:
            return api.snapshot_download(model_id, revision=pinned, allow_patterns=WANTED, ignore_patterns=ELSEWHERE)

        return Path(patiently(download, LONG))


@contextlib.contextmanager
def asking(api: HfApi, model_id: str, revision: str | None = None) -> Iterator[None]:
    """Turn what goes wrong while a model of the Hub is asked for into a sentence."""
    try:
        yield
    except HFValidationError as error:
        raise UserError(f"'{model_id}' is neither the folder of a run nor the id of a model on the Hub") from error
    except GatedRepoError as error:
        raise UserError(f"'{model_id}' is gated: ask for access on its page, and {LOG_IN}") from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"there is no folder '{model_id}' here, and no such model on the Hub that may be read; correct the name, or "
            f"{LOG_IN}"
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(
            f"'{model_id}' has no revision '{revision}' on the Hub; leave it out or name another"
        ) from error
    except Exception as error:  # the client's own errors and those of its transports share no class
        advice = f"is {api.endpoint} reachable? Try again"
        if status_of(error) == 401:
            advice = f"the token is not valid (any more); {LOG_IN}"
        raise UserError(f"cannot download '{model_id}' ({in_one_line(error)}): {advice}") from error


def _results(folder: Path) -> dict[str, Any]:
    """Of the run that was published; empty where no run was, or one of a version that did not tell its settings."""
    try:
        found = json.loads((folder / RESULTS).read_bytes())
    except (OSError, ValueError):
        return {}
    known = isinstance(found, dict) and all(isinstance(found.get(name), kind) for name, kind in NEEDED.items())
    told = known and found["task"] in task_names() and {"name", "on_hub"} <= found["data"].keys()
    return found if told and "steps" in found["cost"] and (folder / STATISTICS).exists() else {}


def _as_trained(folder: Path, results: dict[str, Any], name: str) -> tuple[PretextTask, Prepared]:
    try:
        task = task_class(results["task"])(**settings_of(results["settings"] | {"task": results["task"]}))
        return task, task.load_prepared(folder)
    except (TypeError, ValueError, OSError, SafetensorError) as error:
        raise UserError(
            f"what '{name}' says of its training cannot be understood ({in_one_line(error)}); publish its run again"
        ) from error
