"""What the Hub reads of a model: the card's metadata, and its results as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData
from huggingface_hub._eval_results import eval_result_entries_to_yaml  # has no public name yet

from hf_ssl.common.run_folder import FINE_TUNING
from hf_ssl.runs.owner_metadata import licence
from hf_ssl.runs.results import ModelRecord, RunResults
from hf_ssl.runs.table import FIGURES

HELDOUT = {
    "loss": "held-out loss",
    "perplexity": "perplexity",
    "masked_accuracy": "masked token accuracy",
    "accuracy": "held-out accuracy of the pretext task",
}
CLASSIFIED = {"accuracy": "accuracy", "macro_f1": "macro F1"}
MASKED = {"perplexity": "pseudo-perplexity"}  # what is hidden is predicted from both sides: no probability of a text


def metadata(name: str, results: RunResults) -> dict[str, Any]:
    """Return the card's metadata of a model by this name."""
    found: dict[str, Any] = _metadata(name, results).to_dict()
    return found


def as_yaml(data: dict[str, Any]) -> str:
    """Return metadata as YAML that reads back equal, in readable letters where that is possible."""
    text = str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True)).strip()
    if yaml.safe_load(text) == data:
        return text
    # Some line separators (U+0085, U+2028) come back as spaces unless everything but ASCII is escaped.
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False)


def evaluation_file(results: RunResults) -> str | None:
    """Return the features' figures as ``.eval_results`` YAML; None if they are not on a data set of the Hub."""
    if not (results.features and results.data.on_hub):
        return None
    entries = [
        EvalResultEntry(
            dataset_id=results.data.name,
            dataset_revision=results.data.revision,
            task_id=key,
            value=value,
            notes="frozen features, read out as the card says",
        )
        for key, _, value in _feature_figures(results)
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False)


def _metadata(name: str, results: RunResults) -> ModelCardData:
    data, model = results.data, results.model
    common: dict[str, Any] = {"dataset_type": data.name, "dataset_name": data.name, "dataset_revision": data.revision}
    heldout = [
        EvalResult(model.pipeline, metric_type=key, metric_name=title, metric_value=value, **common)
        for key, title, value in _heldout_figures(results)
    ]
    features = [
        EvalResult("feature-extraction", metric_type=key, metric_name=title, metric_value=value, **common)
        for key, title, value in _feature_figures(results)
    ]
    return ModelCardData(
        model_name=name,
        library_name=_library(model),
        pipeline_tag=model.pipeline,
        **(licence(data.license) if data.license else {}),
        language=data.language or None,
        base_model=model.base if model.base_on_hub else None,
        datasets=[data.name] if data.on_hub else None,
        tags=["self-supervised", model.tag, "hf_ssl"],
        eval_results=[*heldout, *features] or None,
    )


def _heldout_figures(results: RunResults) -> Iterator[tuple[str, str, float]]:
    """Yield key, title and value of the held-out figures."""
    heldout = results.heldout or {}
    titles = HELDOUT | (MASKED if "masked_accuracy" in heldout else {})
    titles |= CLASSIFIED if results.kind == FINE_TUNING else {}
    yield from ((key, title, heldout[key]) for key, title in titles.items() if key in heldout)


def _feature_figures(results: RunResults) -> Iterator[tuple[str, str, float]]:
    """Yield key, title and value of the pretrained features' figures."""
    pretrained = (results.features or {}).get("pretrained", {})
    yield from ((key, title, pretrained[key]["mean"]) for key, title in FIGURES.items() if key in pretrained)


def _library(model: ModelRecord) -> str:
    """Return the library that loads a model; the card of a class of ours holds its code, which needs PyTorch."""
    return "pytorch" if model.library == "transformers" and not model.stock else model.library
