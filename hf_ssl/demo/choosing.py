"""Which runs, which data set, which comparison: what the flags say, or the newest."""

import json
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
from hf_ssl.training.run_folder import RunFolder

RUNS = Path("runs")
COMPARISON = "comparison"
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
    runs, comparisons = [], []
    for name in arguments.run:
        if not Path(name).exists():
            raise UserError(f"there is no folder {name}; --run names folders of runs, --model names models of the Hub")
        if _settings(Path(name)).get("task") == COMPARISON:
            comparisons.append(Path(name))
            runs += [str(folder) for folder in sorted(Path(name).glob("pretrained/*")) if _finished(folder)]
        else:
            runs.append(name)
    names = [*runs, *arguments.model]
    if not (names or arguments.dataset or comparisons):
        names = _newest()
        if not names:
            raise UserError(
                f"there is no finished run below {RUNS}; make one with `{FIRST_COMMANDS[0]}` (text) or `{FIRST_COMMANDS[1]}` "
                "(images), or name a --run, a --model or a --dataset"
            )
    return names, comparisons


def _newest() -> list[str]:
    """The newest run of text, the newest of images, and the newest of other tasks on the same data sets."""
    found = [(folder, _settings(folder)) for folder in RUNS.glob("*") if _finished(folder)]
    runs = [(folder, settings) for folder, settings in found if settings.get("task") in task_names()]
    runs.sort(key=lambda run: (run[0] / "results.json").stat().st_mtime, reverse=True)
    names = []
    for text in (True, False):
        mine = [run for run in runs if issubclass(task_class(run[1]["task"]), TextTask) == text]
        same = [run for run in mine if run[1]["dataset_name"] == mine[0][1]["dataset_name"]]
        by_task = {settings["task"]: folder for folder, settings in reversed(same)}
        newest_first = [folder for folder, settings in same if by_task[settings["task"]] == folder]
        names += [str(folder) for folder in newest_first[:MOST_RUNS]]
    return names


def data_of(run: Pretrained, arguments: DemoArguments) -> DataArguments:
    """The data set that a run learned from; what flags say of splits and columns comes first.

    Raises:
        UserError: if the run does not tell.
    """
    settings: dict[str, Any] = {}
    if (run.path / "config.yaml").exists():
        settings = RunFolder.existing(run.path).config
    elif run.results.get("data"):
        data = run.results["data"]
        if not (data["on_hub"] or str(data["name"]).startswith("embedded:")):
            raise UserError(f"'{run.name}' was trained on files that are not on the Hub; name a --dataset")
        settings = {"dataset_name": data["name"], "label_column": data.get("label_column")}
    else:
        raise UserError(f"'{run.name}' does not say what it was trained on; name a --dataset")
    kept = ("dataset_name", "dataset_config", "train_split", "eval_split", "label_column")
    return named_data(arguments, **{name: settings[name] for name in kept if settings.get(name)})


def named_data(arguments: DemoArguments, **settings: Any) -> DataArguments:
    """A data set; what flags say of splits and columns comes first.

    Args:
        arguments: flags.
        settings: "dataset_name" and what else is known.
    """
    given = {"dataset_config": arguments.dataset_config, "eval_split": arguments.eval_split}
    given |= {"label_column": arguments.label_column}
    if arguments.train_split != "train":
        given["train_split"] = arguments.train_split
    known = {name: value for name, value in given.items() if value is not None}
    return DataArguments(**(settings | known)).settled("docs")


def find_comparison(source: str, comparisons: Iterable[Path], runs: list[Pretrained]) -> Path | None:
    """The folder of a comparison on a data set: a named one, or else the newest beside the runs."""
    beside = {RUNS, *(run.path.resolve().parent for run in runs if (run.path / "config.yaml").exists())}
    others = [folder for place in sorted(beside) for folder in place.glob("*") if _finished(folder)]
    others.sort(key=lambda folder: (folder / "results.json").stat().st_mtime, reverse=True)
    for folder in [*comparisons, *others]:
        if _settings(folder).get("task") == COMPARISON and _finished(folder):
            name = json.loads((folder / "results.json").read_text())["data"]["name"]
            if name == source or (Path(name).exists() and Path(name).resolve() == Path(source).resolve()):
                return folder
    return None


def _settings(folder: Path) -> dict[str, Any]:
    """Of a run's folder; empty where it is none."""
    try:
        found = yaml.safe_load((folder / "config.yaml").read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _finished(folder: Path) -> bool:
    return (folder / "results.json").exists() and (folder / "config.yaml").exists()
