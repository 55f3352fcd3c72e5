"""From flags to a demo; and from a folder, where all was computed before."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import say
from hf_ssl.data.arguments import DataArguments
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.cache import cache_folder, cached_index
from hf_ssl.demo.demo import Demo
from hf_ssl.demo.difference import part_of
from hf_ssl.demo.index import Index
from hf_ssl.demo.panel import Panel, features_of
from hf_ssl.demo.selection import as_compared, beside, chosen_names, data_of, find_comparison, named_data
from hf_ssl.demo.shown_rows import Found, choose_shown, look_at
from hf_ssl.hub.download import load_models, load_published
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.known import modality_class
from hf_ssl.runs.pretrained import Pretrained

RECORD = "demo.json"


@dataclass(frozen=True)
class Opened:
    """A demo, and the figures of its third tab.

    Attributes:
        demo: that answers.
        parts: of `hf_ssl.demo.difference.part_of`, one a panel.
    """

    demo: Demo
    parts: list[dict[str, Any]]


def open_demo(arguments: DemoArguments, api: HfApi | None = None) -> Opened:
    """Load models and rows; nothing is computed yet.

    Raises:
        UserError: for anything that the user can fix.
    """
    names, comparisons = chosen_names(arguments)
    runs = [run for name in names for run in _load(name, api)]
    check_names(runs)
    by_kind: dict[str, list[Pretrained]] = {}
    for run in runs:
        by_kind.setdefault(run.modality.name, []).append(run)
    wanted = [(named_data(arguments, {"dataset_name": name}), arguments) for name in arguments.dataset]
    if not (runs or wanted):  # comparisons that pretrained nothing
        wanted = [as_compared(folder, arguments) for folder in comparisons]
    found: dict[str, Found] = {}
    for data, flags in wanted:
        there = _look_at(data, flags)
        if there.kind in found:
            raise UserError(f"there are two data sets of {there.kind}; name one")
        found[there.kind] = there
    for kind, mine in by_kind.items():
        if kind not in found:
            found[kind] = _look_at(data_of(mine[0], arguments), arguments, kind)
    panels = {kind: make_panel(by_kind.get(kind, []), there) for kind, there in found.items()}
    parts = [part_of(panel, find_comparison(panel, [*comparisons, *beside(panel.runs)])) for panel in panels.values()]
    return Opened(Demo(panels), parts)


def make_panel(runs: list[Pretrained], found: Found) -> Panel:
    """Put models and rows together.

    Raises:
        UserError: if the rows cannot be read, or models cannot be shown beside one another.
    """
    rows = choose_shown(found, _modality(found.kind, runs))
    models = rows.modality.fillers(runs)
    kept = cache_folder(rows, [run.identity for run in runs])
    index = cached_index(rows, features_of(rows.modality, runs), kept)
    return Panel(index, runs, models, found.data, kept)


def save_demo(opened: Opened, folder: Path) -> None:
    """Compute all that can be asked for, and write it: Parquet, safetensors, JSON.

    Args:
        opened: a demo whose models are of the Hub.
        folder: to be made.
    """
    record: dict[str, Any] = {"parts": opened.parts, "panels": {}}
    for kind, panel in opened.demo.panels.items():
        panel.index.complete()
        panel.index.save(folder / kind)
        models = [{"id": run.name, "revision": run.path.name} for run in panel.runs]
        record["panels"][kind] = {"models": models, "data": asdict(panel.data)}
    (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


def load_demo(folder: Path, load: Callable[[str, str], Pretrained] = load_published) -> Opened:
    """Read what `save_demo` wrote; models are downloaded.

    Args:
        folder: that holds it.
        load: id and commit of a model -> the model.

    Raises:
        UserError: if a model is not there any more.
    """
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    panels = {}
    for kind, known in record["panels"].items():
        runs = []
        for model in known["models"]:
            say(f"loading the model {model['id']}")
            runs.append(load(model["id"], model["revision"]))
        modality = _modality(kind, runs)
        index = Index.load(folder / kind, modality, features_of(modality, runs))
        panels[kind] = Panel(index, runs, modality.fillers(runs), DataArguments(**known["data"]), None)
    return Opened(Demo(panels), record["parts"])


def check_names(runs: Sequence[Pretrained]) -> None:
    """Refuse two models that have one name.

    Raises:
        UserError: if there are any.
    """
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two models are called '{name}'; leave one out or rename its folder")


def _load(name: str, api: HfApi | None) -> list[Pretrained]:
    say(f"loading the model {name}")
    return load_models([name], api)


def _look_at(data: DataArguments, arguments: DemoArguments, kind: str | None = None) -> Found:
    say(f"reading rows of {data.dataset_name}")
    return look_at(data, arguments, kind)


def _modality(kind: str, runs: list[Pretrained]) -> Modality:
    """Return the modality of the first run, or one with the usual settings."""
    found: Modality = runs[0].modality if runs else modality_class(kind)()
    return found
