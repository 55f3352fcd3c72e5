"""Which runs, which data set, which comparison: what the flags say, or the newest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import COMPARISON, PRETRAINING, RunFolder
from hf_ssl.comparison.outcome import ComparisonResults
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.embedded import PREFIX, settle
from hf_ssl.demo.arguments import DemoArguments, column_flags
from hf_ssl.demo.panel import Panel
from hf_ssl.modalities.known import MODALITIES, flags_of
from hf_ssl.pretext.pairing import task_names
from hf_ssl.runs.pretrained import Pretrained

RUNS = Path("runs")
FLAGS = ("dataset_config", "train_split", "eval_split", "label_column")  # of the demo: which rows
ROWS = ("dataset_name", *FLAGS, "sample_by", "encoding", "max_skipped")
SAME_ROWS = ("dataset_config", "train_split", "eval_split", "sample_by", "encoding")
MOST_RUNS = 3  # of a modality, where none are named
USUAL_DATA = "docs"  # where somebody asks for rows that are built in, whatever they are


def chosen_names(arguments: DemoArguments) -> tuple[list[str], list[Path]]:
    """Return names of models (folders of runs, Hub ids), and folders of comparisons.

    Raises:
        UserError: if none are named and there are none; if a named folder holds no run of this version.
    """
    runs: list[str] = []
    comparisons: list[Path] = []
    for name in arguments.run:
        if not Path(name).exists():
            raise UserError(f"there is no folder {name}; --run names folders of runs, --model names models of the Hub")
        folder = RunFolder.existing(Path(name))
        if folder.kind == COMPARISON:
            comparisons.append(folder.path)
            runs += _compared(folder)
        else:
            runs.append(name)
    once = {str(Path(name).resolve()): name for name in runs}
    names = [*once.values(), *arguments.model]
    if not (names or arguments.dataset or comparisons):
        names = _newest()
        if not names:
            commands = {name: flags_of(name)[0].first_run for name in MODALITIES}
            listed = " or ".join(f"`{command}` ({name})" for name, command in commands.items() if command)
            raise UserError(
                f"there is no finished run below {RUNS}; make one with {listed}, or name a --run, a --model or a --dataset"
            )
    return names, comparisons


def _compared(comparison: RunFolder) -> list[str]:
    """Return runs of a comparison: those that it made, and those that were brought along and are still there."""
    made = [str(run) for run in sorted(comparison.path.glob("pretrained/*")) if finished(run)]
    return made + [run for run in comparison.config.get("run") or () if finished(Path(run))]


def _newest() -> list[str]:
    """Return for each modality its newest run, and the newest of other tasks that can be shown beside it."""
    found = [folder for folder in _newest_first(RUNS.glob("*")) if folder.kind == PRETRAINING]
    found = [each for each in found if each.config["modality"] in MODALITIES and each.config["task"] in task_names()]
    names = []
    for modality in dict.fromkeys(folder.config["modality"] for folder in found):
        mine = [folder for folder in found if folder.config["modality"] == modality]
        alike = [folder for folder in mine if _shared(folder) == _shared(mine[0])]
        by_task = {folder.config["task"]: folder for folder in reversed(alike)}
        newest = [folder for folder in alike if by_task[folder.config["task"]] is folder]
        names += [str(folder.path) for folder in newest[:MOST_RUNS]]
    return names


def _shared(folder: RunFolder) -> list[Any]:
    """Return what runs that are shown beside one another have in common."""
    flags, _ = flags_of(folder.config["modality"])
    return [folder.config.get(name) for name in ("dataset_name", *flags.shared)]


def data_of(run: Pretrained, arguments: DemoArguments) -> DataArguments:
    """Return the data set that a run learned from; what flags say of splits comes first.

    Raises:
        UserError: if the run does not tell.
    """
    if is_local(run):
        return named_data(arguments, RunFolder.existing(run.path).config)
    if run.results is None:
        raise UserError(f"'{run.name}' does not say what it was trained on; name a --dataset")
    data = run.results.data
    if not (data.on_hub or data.name.startswith(PREFIX)):
        raise UserError(f"'{run.name}' was trained on files that are not on the Hub; name a --dataset")
    return named_data(arguments, (run.results.rows or {}) | {"dataset_name": data.name})


def as_compared(folder: Path, arguments: DemoArguments) -> tuple[DataArguments, DemoArguments]:
    """Return the data set of a comparison, and flags with the columns that it named; what the flags say comes first."""
    config = RunFolder.existing(folder).config
    flags = [flag for kind in MODALITIES for flag in column_flags(kind)]
    named = {flag: config[flag] for flag in flags if config.get(flag) and not getattr(arguments, flag, None)}
    return named_data(arguments, config), replace(arguments, **named)


def named_data(arguments: DemoArguments, settings: dict[str, Any]) -> DataArguments:
    """Return a data set; what flags say of splits comes first.

    Args:
        arguments: flags.
        settings: "dataset_name", and splits and labels where they are known.
    """
    known = {name: settings[name] for name in ROWS if settings.get(name)}
    given = {name: getattr(arguments, name) for name in FLAGS}
    if arguments.train_split == DataArguments.train_split:
        given["train_split"] = None
    return settle(DataArguments(**(known | {name: value for name, value in given.items() if value})), USUAL_DATA)


def find_comparison(panel: Panel, folders: Iterable[Path]) -> Path | None:
    """Return the first finished comparison on the same rows: data set, configuration, splits, labels and modality."""
    for path in folders:
        folder = finished(path)
        if not folder or folder.kind != COMPARISON:
            continue
        same = _same_rows(named_data(DemoArguments(), folder.config), panel.data)
        if same and read_comparison(path).data.get("modality") == panel.modality.name:
            return path
    return None


def read_comparison(path: Path) -> ComparisonResults:
    """Read the results of a comparison.

    Raises:
        UserError: if they cannot be understood.
    """
    try:
        return ComparisonResults.read(RunFolder.existing(path).results)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"the results in {path} cannot be understood ({error}); run the command of that comparison again"
        ) from error


def beside(runs: list[Pretrained]) -> list[Path]:
    """Return finished runs and comparisons where these runs lie, and below runs; the newest first."""
    places = {RUNS.resolve(), *(run.path.resolve().parent for run in runs if is_local(run))}
    return [folder.path for folder in _newest_first(path for place in sorted(places) for path in place.glob("*"))]


def is_local(run: Pretrained) -> bool:
    """Return whether a run was loaded from its own folder, not from the Hub."""
    return (run.path / "config.yaml").exists()


def finished(path: Path) -> RunFolder | None:
    """Return the finished run in a folder; None where there is none, or one of another version."""
    try:
        folder = RunFolder.existing(path)
    except UserError:
        return None
    return folder if folder.results.exists() else None


def _newest_first(paths: Iterable[Path]) -> list[RunFolder]:
    folders = [folder for path in paths if (folder := finished(path))]
    return sorted(folders, key=lambda folder: folder.results.stat().st_mtime, reverse=True)


def _same_rows(one: DataArguments, other: DataArguments) -> bool:
    places = [Path(data.dataset_name) for data in (one, other)]
    same = one.dataset_name == other.dataset_name or (all(p.exists() for p in places) and places[0].samefile(places[1]))
    labels = one.label_column == other.label_column or None in (one.label_column, other.label_column)
    return same and labels and all(getattr(one, name) == getattr(other, name) for name in SAME_ROWS)
