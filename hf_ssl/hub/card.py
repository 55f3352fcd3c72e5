"""The model card: templates of ours, everything else goes in as variables."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import jinja2

import hf_ssl
from hf_ssl.data.sources import DataArguments
from hf_ssl.evaluation.report import FIGURES
from hf_ssl.hub.metadata import metadata, stock
from hf_ssl.hub.notes import marked, notes_of
from hf_ssl.hub.sharing import last_part
from hf_ssl.markdown import code_span
from hf_ssl.pretext.tasks import task_class
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.run_folder import RunFolder, write_text
from hf_ssl.transfer.arguments import FineTuningArguments

ELSEWHERE = {"output_dir", "dataset_name", "eval_split", "label_column", "model_name_or_path"}  # of the card


def write_card(folder: RunFolder, results: dict[str, Any]) -> None:
    """Write the run's README.md, whose owner's notes are kept."""
    notes = notes_of(folder.card.read_text()) if folder.card.exists() else ""
    write_text(folder.card, card_text(folder, results, None, notes))


def card_text(folder: RunFolder, results: dict[str, Any], model_id: str | None, notes: str) -> str:
    """Metadata for the Hub, then what a reader wants to know.

    Args:
        folder: of the run.
        results: of the run.
        model_id: owner/name on the Hub; None for the card in the run folder.
        notes: of the owner, at its end.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = code_span
    name = model_id.split("/")[-1] if model_id else folder.path.resolve().name
    body = environment.get_template(f"{results['task']}.md").render(
        results=results,
        config=folder.config,
        figures=FIGURES,
        title=name,
        address=model_id or "model",
        on_hub=model_id is not None,
        chosen=_chosen(folder.config, public=model_id is not None),
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", results["command"])), default=0)),
        worse=_worse_than_untrained(results["features"]),
        source=_source(results["model"]),
    )
    return f"---\n{metadata(name, results)}\n---\n\n{body}\n\n{marked(notes)}"


def _chosen(config: dict[str, Any], public: bool) -> dict[str, tuple[Any, Any]]:
    """Flags that differ from their defaults: name -> (value, default); paths without their folders where all can see them."""
    if config["task"] == "fine_tuning":
        parts, settled = [FineTuningArguments, DataArguments], {}
    else:
        kind = task_class(config["task"])
        parts, settled = [kind, DataArguments, TrainingArguments], kind.training_defaults
    fields = [field for part in parts for field in dataclasses.fields(part)]
    defaults = {field.name: field.default for field in fields if field.name not in ELSEWHERE} | settled
    return {
        name: (last_part(config[name]) if public else config[name], default)
        for name, default in defaults.items()
        if name in config and config[name] != default
    }


def _worse_than_untrained(features: dict[str, Any] | None) -> list[str]:
    """Titles of the figures in which pretraining did harm."""
    if not features:
        return []
    pretrained, untrained = features["pretrained"], features["untrained"]
    return [title for key, title in FIGURES.items() if pretrained[key]["mean"] < untrained[key]["mean"]]


def _source(model: dict[str, Any]) -> str | None:
    """The file that loads a model which is none of transformers' own; None for a stock class."""
    return None if stock(model) else inspect.getsource(importlib.import_module(model["module"]))


def _templates() -> Path:
    """Beside the package in a wheel, one level up in a checkout."""
    package = Path(hf_ssl.__file__).parent
    inside = package / "model_cards"
    return inside if inside.exists() else package.parent / "model_cards"
