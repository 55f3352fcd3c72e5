"""The model card: templates of ours, everything else goes in as variables."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import jinja2
import yaml
from huggingface_hub import EvalResult, ModelCardData
from markupsafe import Markup

import hf_ssl
from hf_ssl.evaluation.report import FIGURES
from hf_ssl.training.run_folder import RunFolder, write_text

HELDOUT = {
    "loss": "held-out loss",
    "perplexity": "pseudo-perplexity",
    "masked_accuracy": "masked token accuracy",
    "accuracy": "held-out accuracy of the pretext task",
}


def write_card(folder: RunFolder, results: dict[str, Any]) -> None:
    """Write the run's README.md: metadata for the Hub, then what a reader wants to know."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = _code
    body = environment.get_template(f"{results['task']}.md").render(
        results=results,
        config=folder.config,
        figures=FIGURES,
        title=folder.path.resolve().name,
        worse=_worse_than_untrained(results["features"]),
        source=_source(results["model"]["module"]),
    )
    write_text(folder.card, f"---\n{_yaml(_metadata(folder.path.resolve().name, results))}\n---\n\n{body}")


def _worse_than_untrained(features: dict[str, Any] | None) -> list[str]:
    """Titles of the figures in which pretraining did harm."""
    if not features:
        return []
    pretrained, untrained = features["pretrained"], features["untrained"]
    return [title for key, title in FIGURES.items() if pretrained[key]["mean"] < untrained[key]["mean"]]


def _source(module: str) -> str | None:
    """The file that loads a model which is none of transformers' own; None for a stock class."""
    if module.startswith("transformers."):
        return None
    return inspect.getsource(importlib.import_module(module))


def _yaml(data: ModelCardData) -> str:
    """Metadata as YAML that reads back equal; readable letters where that is possible."""
    text = str(data.to_yaml())
    if yaml.safe_load(text) == data.to_dict():
        return text
    # Some line separators (U+0085, U+2028) come back as spaces unless everything but ASCII is escaped.
    return yaml.safe_dump(data.to_dict(), sort_keys=False, allow_unicode=False)


def _code(value: object) -> Markup:
    """Any text as a code span that no character in it can end, in a table cell too."""
    plain = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return Markup(f"`{plain}`" if plain else "")  # noqa: S704 - inside a code span nothing is markup


def _templates() -> Path:
    """Beside the package in a wheel, one level up in a checkout."""
    package = Path(hf_ssl.__file__).parent
    inside = package / "model_cards"
    return inside if inside.exists() else package.parent / "model_cards"


def _metadata(name: str, results: dict[str, Any]) -> ModelCardData:
    data, model = results["data"], results["model"]
    on_hub = not data["files"] and "/" in data["name"]
    common = {"dataset_type": data["name"], "dataset_name": data["name"], "dataset_revision": data["revision"]}
    figures = []
    if results["heldout"]:
        figures = [
            EvalResult(
                model["pipeline"], metric_type=key, metric_name=title, metric_value=results["heldout"][key], **common
            )
            for key, title in HELDOUT.items()
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
        library_name="transformers",
        pipeline_tag=model["pipeline"],
        license=data["license"],
        base_model=model["base"] if model["base_on_hub"] else None,
        datasets=[data["name"]] if on_hub else None,
        tags=["self-supervised", model["tag"], "hf_ssl"],
        eval_results=figures or None,
    )
