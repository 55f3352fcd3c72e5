"""Models of the Hub, ready to compute features: those that were published from a run, and others."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from safetensors import SafetensorError

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import BRIEF, LONG, patiently, status_of
from hf_ssl.common.run_folder import PRETRAINING
from hf_ssl.hub.access import LOG_IN
from hf_ssl.hub.repository import RESULTS
from hf_ssl.modalities.known import MODALITIES, modality_class
from hf_ssl.modalities.prepared import STATISTICS, Prepared
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.pairing import pair, pair_recorded, task_names
from hf_ssl.runs.pretrained import Pretrained, load_encoder, load_pretrained
from hf_ssl.runs.results import RunResults

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]  # nothing that can run code
ELSEWHERE = "*/*"  # checkpoints and other formats


def load_models(names: Sequence[str], api: HfApi | None = None) -> list[Pretrained]:
    """Load models, each from a run's folder if there is such a path, else from the Hub.

    Args:
        names: paths and Hub ids.
        api: of the Hub.

    Raises:
        UserError: if one is neither, or cannot be loaded.
    """
    return [load_pretrained(Path(name)) if Path(name).exists() else load_published(name, api=api) for name in names]


def load_published(model_id: str, revision: str | None = None, api: HfApi | None = None) -> Pretrained:
    """Load a model of the Hub, or of the cache if the Hub cannot be reached; its code, if it has any, is not run.

    A model that was published from a run is the same as in its run's folder, untrained too. Any other model counts as what its
    configuration says.

    Args:
        model_id: owner/name.
        revision: branch, tag or commit; None takes the newest commit.
        api: of the Hub.

    Raises:
        UserError: if there is no such model, it may not be read, has no weights as safetensors, fits no modality, or the Hub
            cannot be reached.
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
    task, prepared = _as_trained(folder, results, model_id) if results else _adopted(encoder, folder, model_id)
    return Pretrained(model_id, folder, folder, task, prepared, encoder, results)


def _download(api: HfApi, model_id: str, revision: str | None) -> Path:
    """Return the folder of one commit's files."""
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
            advice = f"the token is invalid or has expired; {LOG_IN}"
        raise UserError(f"cannot download '{model_id}' ({in_one_line(error)}): {advice}") from error


def _results(folder: Path) -> RunResults | None:
    """Return the results of the pretraining run that was published; None if no run was, or one of another version."""
    try:
        found = RunResults.of(json.loads((folder / RESULTS).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    known = found.kind == PRETRAINING and found.task in task_names() and found.modality in MODALITIES
    return found if known and found.settings and (folder / STATISTICS).exists() else None


def _as_trained(folder: Path, results: RunResults, name: str) -> tuple[PretextTask, Prepared]:
    """Return the task of a published run, and its modality with what it learned from the first rows."""
    try:
        names = {"task": results.task, "modality": results.modality}
        pairing = pair_recorded((results.settings or {}) | names)
        return pairing.task, pairing.modality.load_prepared(folder)
    except (TypeError, ValueError, OSError, SafetensorError) as error:
        raise UserError(
            f"what '{name}' says of its training cannot be understood ({in_one_line(error)}); publish its run again"
        ) from error


def _adopted(encoder: Any, folder: Path, name: str) -> tuple[PretextTask, Prepared]:
    """Return the task that a model counts as which no run published, and its modality; no first training rows are known.

    Raises:
        UserError: if the model fits no modality, or has no processor that serves.
    """
    for modality in MODALITIES:
        found = modality_class(modality).adopt(encoder, folder, name)
        if found is not None:
            settings, processor = found
            pairing = pair(modality=modality, **settings)
            return pairing.task, Prepared(pairing.modality, processor)
    raise UserError(
        f"'{name}' ({encoder.config.model_type}) fits none of the modalities {', '.join(MODALITIES)}: its features cannot be "
        "computed; name another model"
    )
