"""What the Hub reads of a model: the card's metadata, and its results as a file."""

import re
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData
from huggingface_hub._eval_results import eval_result_entries_to_yaml  # has no public name yet

from hf_ssl.evaluation.report import FIGURES

HELDOUT = {
    "loss": "held-out loss",
    "perplexity": "perplexity",
    "masked_accuracy": "masked token accuracy",
    "accuracy": "held-out accuracy of the pretext task",
}
CLASSIFIED = {"accuracy": "accuracy", "macro_f1": "macro F1"}
MASKED = {"perplexity": "pseudo-perplexity"}  # what is hidden is predicted from both sides: no probability of a text


def metadata(name: str, results: dict[str, Any]) -> str:
    """The card's metadata as YAML that reads back equal; readable letters where that is possible."""
    data = _metadata(name, results)
    text = str(data.to_yaml())
    if yaml.safe_load(text) == data.to_dict():
        return text
    # Some line separators (U+0085, U+2028) come back as spaces unless everything but ASCII is escaped.
    return yaml.safe_dump(data.to_dict(), sort_keys=False, allow_unicode=False)


def evaluation_file(results: dict[str, Any]) -> str | None:
    """The features' figures as ``.eval_results`` YAML; None where they are not on a data set of the Hub."""
    if not (results["features"] and results["data"]["on_hub"]):
        return None
    entries = [
        EvalResultEntry(
            dataset_id=results["data"]["name"],
            dataset_revision=results["data"]["revision"],
            task_id=key,
            value=results["features"]["pretrained"][key]["mean"],
            notes="frozen features, read out as the card says",
        )
        for key in FIGURES
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False)


def stock(model: dict[str, Any]) -> bool:
    """Whether the model's class is one of transformers' own."""
    return str(model["module"]).startswith("transformers.")


def _metadata(name: str, results: dict[str, Any]) -> ModelCardData:
    data, model = results["data"], results["model"]
    common = {"dataset_type": data["name"], "dataset_name": data["name"], "dataset_revision": data["revision"]}
    figures = []
    if results["heldout"]:
        titles = HELDOUT | (MASKED if "masked_accuracy" in results["heldout"] else {})
        titles |= CLASSIFIED if results["task"] == "fine_tuning" else {}
        figures = [
            EvalResult(
                model["pipeline"], metric_type=key, metric_name=title, metric_value=results["heldout"][key], **common
            )
            for key, title in titles.items()
            if key in results["heldout"]
        ]
    if results["features"]:
        figures += [
            EvalResult(
                "feature-extraction",
                metric_type=key,
                metric_name=title,
                metric_value=results["features"]["pretrained"][key]["mean"],
                **common,
            )
            for key, title in FIGURES.items()
        ]
    return ModelCardData(
        model_name=name,
        library_name="pytorch" if model["library"] == "transformers" and not stock(model) else model["library"],
        pipeline_tag=model["pipeline"],
        license=_license(data["license"]),
        license_name=data["license"] if _license(data["license"]) == "other" else None,
        language=data["language"] or None,
        base_model=model["base"] if model["base_on_hub"] else None,
        datasets=[data["name"]] if data["on_hub"] else None,
        tags=["self-supervised", model["tag"], "hf_ssl"],
        eval_results=figures or None,
    )


def _license(name: str | None) -> str | None:
    """The Hub takes one known identifier, or "other" with a name beside it."""
    return name if name is None or re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name) else "other"
