"""From flags to a demo; and from a folder, where all was computed before."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from hf_ssl.data.sources import DataArguments
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.cache import cache_folder, cached_index
from hf_ssl.demo.choosing import beside, chosen_names, data_of, find_comparison, named_data, settings_of
from hf_ssl.demo.demo import Demo
from hf_ssl.demo.difference import part_of
from hf_ssl.demo.index import Index
from hf_ssl.demo.panel import Model, Panel, features_of, kind_of, models_of
from hf_ssl.demo.patches import MaskedPatches
from hf_ssl.demo.rows import ShownRows, choose_shown
from hf_ssl.errors import UserError
from hf_ssl.hub.download import load_models, load_published
from hf_ssl.pretrained import Pretrained

KINDS = ("text", "images")
USUAL_SIZE = 32  # pixels a side, where no model says another
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
        UserError: for whatever the user can mend.
    """
    names, comparisons = chosen_names(arguments)
    runs = load_models(names, api)
    check_names(runs)
    size = next((int(run.task.image_size) for run in runs if kind_of(run) == "images"), USUAL_SIZE)  # type: ignore[attr-defined] # of tasks on images
    columns = {"text": arguments.text_column, "images": arguments.image_column}
    wanted = [named_data(arguments, {"dataset_name": name}) for name in arguments.dataset]
    if not (runs or wanted):  # comparisons that pretrained nothing
        wanted = [named_data(arguments, settings_of(folder)) for folder in comparisons]
    shown: dict[str, tuple[ShownRows, DataArguments]] = {}
    for data in wanted:
        rows = choose_shown(data, columns, size)
        if rows.kind in shown:
            raise UserError(f"there are two data sets of {rows.kind}; name one")
        shown[rows.kind] = rows, data
    panels: dict[str, Panel] = {}
    for kind in KINDS:
        mine = [run for run in runs if kind_of(run) == kind]
        if mine and kind not in shown:
            data = data_of(mine[0], arguments)
            shown[kind] = choose_shown(data, columns | {kind: columns[kind] or _column(mine[0])}, size), data
        if kind in shown:
            panels[kind] = make_panel(mine, *shown[kind], size)
    parts = [
        part_of(panel, find_comparison(panel.data, [*comparisons, *beside(panel.runs)])) for panel in panels.values()
    ]
    return Opened(Demo(panels.get("text"), panels.get("images")), parts)


def make_panel(runs: list[Pretrained], rows: ShownRows, data: DataArguments, size: int) -> Panel:
    """Put models and rows together.

    Raises:
        UserError: if models are for images or patches of different sizes.
    """
    _check_sizes(runs, rows.kind, size)
    kept = cache_folder(rows, [run.identity for run in runs])
    index = cached_index(rows, features_of(rows.kind, runs), kept)
    models = models_of(runs)
    _check_patches(models)
    return Panel(index, runs, models, data, size, kept)


def save_demo(opened: Opened, folder: Path) -> None:
    """Compute all that can be asked for, and write it: Parquet, safetensors, JSON.

    Args:
        opened: a demo whose models are of the Hub.
        folder: to be made.
    """
    record: dict[str, Any] = {"parts": opened.parts, "panels": {}}
    for kind, panel in zip(KINDS, (opened.demo.text, opened.demo.images), strict=True):
        if panel is not None:
            panel.index.complete()
            panel.index.save(folder / kind)
            models = [{"id": run.name, "revision": run.path.name} for run in panel.runs]
            record["panels"][kind] = {"models": models, "image_size": panel.image_size, "data": asdict(panel.data)}
    (folder / RECORD).write_text(json.dumps(record, indent=1))


def load_demo(folder: Path, load: Callable[[str, str], Pretrained] = load_published) -> Opened:
    """Read what `save_demo` wrote; models are downloaded.

    Args:
        folder: that holds it.
        load: id and commit of a model -> the model.

    Raises:
        UserError: if a model is not there any more.
    """
    record = json.loads((folder / RECORD).read_text())
    panels = {}
    for kind, known in record["panels"].items():
        runs = [load(model["id"], model["revision"]) for model in known["models"]]
        index = Index.load(folder / kind, features_of(kind, runs))
        panels[kind] = Panel(index, runs, models_of(runs), DataArguments(**known["data"]), known["image_size"], None)
    return Opened(Demo(panels.get("text"), panels.get("images")), record["parts"])


def _column(run: Pretrained) -> str | None:
    """Of the texts or images that a run learned from."""
    task: Any = run.task
    return str(task.text_column) if kind_of(run) == "text" else task.image_column


def check_names(runs: list[Pretrained]) -> None:
    """Refuse two models that have one name.

    Raises:
        UserError: if there are any.
    """
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two models are called '{name}'; leave one out or rename its folder")


def _check_sizes(runs: list[Pretrained], kind: str, size: int) -> None:
    for run in runs if kind == "images" else ():
        task: Any = run.task
        if task.image_size != size:
            raise UserError(
                f"'{run.name}' is for images of {task.image_size} pixels and '{runs[0].name}' for {size}; leave one out"
            )


def _check_patches(models: dict[str, Model]) -> None:
    """One grid of patches is clicked on, whichever model is asked."""
    sizes = {name: model.task.patch_size for name, model in models.items() if isinstance(model, MaskedPatches)}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"'{name}' ({size} pixels)" for name, size in sizes.items())
        raise UserError(f"models hide patches of different sizes: {listed}; leave one out")
