"""Which runs, which data set, which comparison: what the flags say, or the newest."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from hf_ssl.data.sources import DataArguments
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.errors import UserError
from hf_ssl.modalities.text import TextTask
from hf_ssl.pretext.tasks import task_class, task_names
from hf_ssl.pretrained import Pretrained

RUNS = Path("runs")
COMPARISON = "comparison"
ROWS = ("dataset_name", "dataset_config", "train_split", "eval_split", "label_column")  # which rows
MOST_RUNS = 3  # of text and of images, where none are named
FIRST_COMMANDS = (
    "python scripts/pretrain_mlm.py --output_dir runs/docs",
    "python scripts/pretrain_mim.py --output_dir runs/digits",
)


def chosen_names(arguments: DemoArguments) -> tuple[list[str], list[Path]]:
    """Names of models (folders of runs, Hub ids), and folders of comparisons.

    Raises:
        UserError: if none are named and there are none.
    """
    runs: list[str] = []
    comparisons: list[Path] = []
    for name in arguments.run:
        if not Path(name).exists():
            raise UserError(f"there is no folder {name}; --run names folders of runs, --model names models of the Hub")
        if settings_of(Path(name)).get("task") == COMPARISON:
            comparisons.append(Path(name))
            runs += _compared(Path(name))
        else:
            runs.append(name)
    once = {str(Path(name).resolve()): name for name in runs}
    names = [*once.values(), *arguments.model]
    if not (names or arguments.dataset or comparisons):
        names = _newest()
        if not names:
            raise UserError(
                f"there is no finished run below {RUNS}; make one with `{FIRST_COMMANDS[0]}` (text) or `{FIRST_COMMANDS[1]}` "
                "(images), or name a --run, a --model or a --dataset"
            )
    return names, comparisons


def _compared(folder: Path) -> list[str]:
    """Runs of a comparison: those that it made, and those that were brought along and are still there."""
    made = [str(run) for run in sorted(folder.glob("pretrained/*")) if _finished(run)]
    return made + [run for run in settings_of(folder).get("run") or () if _finished(Path(run))]


def _newest() -> list[str]:
    """The newest run of text, the newest of images, and the newest of other tasks on the same rows."""
    found = [(folder, settings_of(folder)) for folder in RUNS.glob("*") if _finished(folder)]
    runs = [(folder, settings) for folder, settings in found if settings.get("task") in task_names()]
    runs.sort(key=lambda run: (run[0] / "results.json").stat().st_mtime, reverse=True)
    names = []
    for text in (True, False):
        mine = [run for run in runs if issubclass(task_class(run[1]["task"]), TextTask) == text]
        same = [run for run in mine if _shape(run[1]) == _shape(mine[0][1])]
        by_task = {settings["task"]: folder for folder, settings in reversed(same)}
        newest_first = [folder for folder, settings in same if by_task[settings["task"]] == folder]
        names += [str(folder) for folder in newest_first[:MOST_RUNS]]
    return names


def _shape(settings: dict[str, Any]) -> list[Any]:
    """What runs that are shown together have in common."""
    return [settings.get(name) for name in ("dataset_name", "image_size", "patch_size")]


def data_of(run: Pretrained, arguments: DemoArguments) -> DataArguments:
    """The data set that a run learned from; what flags say of splits and columns comes first.

    Raises:
        UserError: if the run does not tell.
    """
    if (run.path / "config.yaml").exists():
        return named_data(arguments, settings_of(run.path))
    if not run.results:
        raise UserError(f"'{run.name}' does not say what it was trained on; name a --dataset")
    data = run.results["data"]
    if not (data["on_hub"] or str(data["name"]).startswith("embedded:")):
        raise UserError(f"'{run.name}' was trained on files that are not on the Hub; name a --dataset")
    return named_data(arguments, run.results.get("rows", {}) | {"dataset_name": data["name"]})


def named_data(arguments: DemoArguments, settings: dict[str, Any]) -> DataArguments:
    """A data set; what flags say of splits and columns comes first.

    Args:
        arguments: flags.
        settings: "dataset_name", and splits and columns where they are known.
    """
    known = {name: settings[name] for name in ROWS if settings.get(name)}
    given = {name: getattr(arguments, name) for name in ROWS[1:]}
    if arguments.train_split == DataArguments.train_split:
        given["train_split"] = None
    return DataArguments(**(known | {name: value for name, value in given.items() if value})).settled("docs")


def find_comparison(data: DataArguments, folders: Iterable[Path]) -> Path | None:
    """The first finished comparison on the same rows: data set, configuration, splits and labels."""
    for folder in folders:
        settings = settings_of(folder)
        if settings.get("task") == COMPARISON and _finished(folder):
            compared = named_data(DemoArguments(), settings)
            if _same_rows(compared, data):
                return folder
    return None


def beside(runs: list[Pretrained]) -> list[Path]:
    """Finished runs and comparisons where these runs lie, and below runs; the newest first."""
    places = {RUNS.resolve(), *(run.path.resolve().parent for run in runs if (run.path / "config.yaml").exists())}
    folders = [folder for place in sorted(places) for folder in place.glob("*") if _finished(folder)]
    return sorted(folders, key=lambda folder: (folder / "results.json").stat().st_mtime, reverse=True)


def _same_rows(one: DataArguments, other: DataArguments) -> bool:
    places = [Path(data.dataset_name) for data in (one, other)]
    same = one.dataset_name == other.dataset_name or (all(p.exists() for p in places) and places[0].samefile(places[1]))
    labels = one.label_column == other.label_column or None in (one.label_column, other.label_column)
    return same and labels and all(getattr(one, name) == getattr(other, name) for name in ROWS[1:4])


def settings_of(folder: Path) -> dict[str, Any]:
    """Of a run's folder; empty where it is none."""
    try:
        found = yaml.safe_load((folder / "config.yaml").read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _finished(folder: Path) -> bool:
    return (folder / "results.json").exists() and (folder / "config.yaml").exists()
