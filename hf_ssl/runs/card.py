"""The model card: our templates, into which everything else goes as variables; and the owner's notes at its end."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

import hf_ssl
from hf_ssl.common.errors import UserError
from hf_ssl.common.markdown import code_span
from hf_ssl.common.run_folder import FINE_TUNING, RunFolder
from hf_ssl.common.writing import write_text
from hf_ssl.data.arguments import DataArguments
from hf_ssl.modalities.known import modality_class
from hf_ssl.pretext.pairing import defaults_of, flag_types
from hf_ssl.runs.fine_tuning_arguments import FineTuningArguments
from hf_ssl.runs.metadata import as_yaml, metadata
from hf_ssl.runs.owner_metadata import HEADER
from hf_ssl.runs.results import ModelRecord, RunResults
from hf_ssl.runs.table import FIGURES
from hf_ssl.training.arguments import TrainingArguments

ELSEWHERE = {"output_dir", "dataset_name", "eval_split", "label_column", "model_name_or_path"}  # of the card
FUTURE = "from __future__ import annotations\n\n"  # must begin a file, which pasted code does not
BEGIN = "<!-- Your notes: text between these two lines is kept when the card is rewritten. -->"
END = "<!-- End of your notes. -->"
# With the lines of cards that older versions wrote.
BEGINS = {BEGIN, "<!-- Yours: what stands between these two lines is kept when the card is written anew. -->"}
ENDS = {END, "<!-- End of yours. -->"}


def write_card(folder: RunFolder, results: RunResults) -> None:
    """Write the run's README.md and keep the owner's notes in it."""
    notes = notes_of(folder.card.read_text(encoding="utf-8")) if folder.card.exists() else ""
    write_text(folder.card, card_text(folder, results, None, notes))


def card_text(
    folder: RunFolder, results: RunResults, model_id: str | None, notes: str, data: dict[str, Any] | None = None
) -> str:
    """Return the card: metadata for the Hub, then what a reader wants to know.

    Args:
        folder: of the run.
        results: of the run.
        model_id: owner/name on the Hub; None for the card in the run folder.
        notes: of the owner, at its end.
        data: metadata, with those of the owner; None for those of the run alone.

    Raises:
        UserError: if the task or the modality is not known.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates()), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = code_span
    name = name_of(folder, model_id)
    modality = modality_class(results.modality)
    chosen = dict(_chosen(results, folder.config, public=model_id is not None))
    template = FINE_TUNING if results.kind == FINE_TUNING else results.task
    body = environment.get_template(f"{template}.md").render(
        modality_card=f"modalities/{modality.name}.md",
        rows=modality.rows_name,
        results=results,
        config=folder.config,
        figures=_figures(results),
        title=name,
        address=model_id or "model",
        on_hub=model_id is not None,
        chosen=chosen,
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", results.command)), default=0)),
        worse=_worse_than_untrained(results),
        source=_source(results.model),
    )
    return f"---\n{as_yaml(data or metadata(name, results))}\n---\n\n{body}\n\n{marked(notes)}"


def name_of(folder: RunFolder, model_id: str | None) -> str:
    """Return the name of a model: that on the Hub, or that of the run folder."""
    return model_id.split("/")[-1] if model_id else folder.path.resolve().name


def templates() -> Path:
    """Return the folder of the templates: beside the modules in a wheel, one level up in a checkout."""
    package = Path(hf_ssl.__file__).parent
    inside = package / "model_cards"
    return inside if inside.exists() else package.parent / "model_cards"


def last_part(value: Any) -> Any:
    """Return the name of what lies at an absolute path; anything else as it is."""
    return Path(value).name if isinstance(value, str) and value.startswith(("/", "~")) else value


def _chosen(results: RunResults, config: dict[str, Any], public: bool) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield flags that differ from their defaults: name, (value, default); paths without their folders if all can see them."""
    kinds: list[type[Any]]
    if results.kind == FINE_TUNING:
        kinds, defaults = [FineTuningArguments, DataArguments], {}
    else:
        kinds = [*flag_types(results.task, results.modality), DataArguments, TrainingArguments]
        defaults = defaults_of(results.task, results.modality)
    for field in (field for kind in kinds for field in dataclasses.fields(kind)):
        default = defaults.get(field.name, field.default)
        if field.name in config and field.name not in ELSEWHERE and config[field.name] != default:
            value = last_part(config[field.name]) if public else config[field.name]
            words = field.metadata.get("default", "none") if default is None else default
            yield field.name, (_as_flag(value), _as_flag(words))


def _as_flag(value: Any) -> str:
    """Return a value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _figures(results: RunResults) -> dict[str, str]:
    """Return key -> title of the figures that any features have."""
    rows = (results.features or {}).values()
    return {key: title for key, title in FIGURES.items() if any(key in row for row in rows)}


def _worse_than_untrained(results: RunResults) -> list[str]:
    """Return the titles of the figures in which pretraining did harm."""
    features = results.features or {}
    pretrained, untrained = features.get("pretrained", {}), features.get("untrained", {})
    both = [key for key in FIGURES if key in pretrained and key in untrained]
    return [FIGURES[key] for key in both if pretrained[key]["mean"] < untrained[key]["mean"]]


def _source(model: ModelRecord) -> str | None:
    """Return the file that defines a model; None if transformers has it, or another library loads it."""
    if model.stock or model.library != "transformers":
        return None
    return inspect.getsource(importlib.import_module(model.module)).replace(FUTURE, "").rstrip()


def notes_of(card: str) -> str:
    """Return what a person wrote between the marked lines at the end of a card; empty if there is nothing.

    Raises:
        UserError: if only one of the lines is there: what was written would be lost.
    """
    lines = card.splitlines(keepends=True)
    begins, ends = ([number for number, line in enumerate(lines) if line.strip() in marks] for marks in (BEGINS, ENDS))
    if not begins and not ends:
        return ""
    if not begins or not ends or ends[-1] < begins[-1]:
        raise UserError(f"the card has lost one of the lines '{BEGIN}' and '{END}'; put it back, around your notes")
    return "".join(lines[begins[-1] + 1 : ends[-1]]).strip("\n")


def whole_body(card: str) -> str:
    """Return a card that a person wrote, without its metadata."""
    return HEADER.sub("", card).replace("\r\n", "\n").strip("\n")


def marked(notes: str) -> str:
    """Return the end of a card: the marked lines with the notes between them."""
    return f"{BEGIN}\n\n{notes}\n\n{END}\n" if notes else f"{BEGIN}\n\n{END}\n"
