"""A comparison from rows to report: every part is a cell, so that it goes on where it was stopped."""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.comparison.budget import Plan, plan_for
from hf_ssl.comparison.cells import PACKAGES, Cell, Cells
from hf_ssl.comparison.entries import BASELINE, PRETRAINED, baseline_entries, network_entries
from hf_ssl.comparison.look import density_of, map_of, names_of, numbers_of_clusters
from hf_ssl.comparison.measure import FEWEST_LABELLED
from hf_ssl.comparison.methods import TITLES
from hf_ssl.comparison.pretraining import FEWEST_ROWS, brought_along, pretrained_here, task_for
from hf_ssl.comparison.recommend import best_of, recommend
from hf_ssl.comparison.report import Shown, write_report
from hf_ssl.comparison.results import methods_of, supervised_of
from hf_ssl.comparison.sentences import six_sentences
from hf_ssl.comparison.supervised import KINDS, can_be_classified, one_percent, train_with_labels
from hf_ssl.data.columns import find_label_column, first_table
from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.errors import UserError
from hf_ssl.evaluation.report import PACKAGES as VERSIONS
from hf_ssl.evaluation.rows import ComparedRows, compared_rows, find_inputs
from hf_ssl.pretrained import Pretrained
from hf_ssl.progress import progress_bar
from hf_ssl.threads import one_thread
from hf_ssl.training.memory import keep_freed_memory
from hf_ssl.training.run_folder import RunFolder, write_text

Runs = dict[str, list[Pretrained]]


@dataclass(frozen=True)
class Comparison:
    """What the parts of a comparison have in common.

    Attributes:
        arguments: flags.
        data: which data set.
        plan: what the budget buys.
        rows: that all methods see.
        cells: what was computed before.
        folder: where to.
        command: for cards.
    """

    arguments: ComparisonArguments
    data: DataArguments
    plan: Plan
    rows: ComparedRows
    cells: Cells
    folder: Path
    command: str


def compare(arguments: ComparisonArguments, data: DataArguments, command: str) -> None:
    """Run or go on with a comparison, up to its report.

    Raises:
        UserError: for whatever the user can mend.
    """
    data = data.settled("docs")
    keep_freed_memory()
    config = asdict(arguments) | asdict(data) | {"task": "comparison", "pretext_tasks": arguments.task}
    folder = RunFolder(Path(arguments.output_dir), config, command)
    with folder:
        source = open_source(data)
        table = first_table(source.train, source.name)
        columns = {"text": arguments.text_column, "images": arguments.image_column}
        kind, column = find_inputs(table, columns, find_label_column(table, data), source.name)
        tasks = ["contrastive_text" if (name, kind) == ("contrastive", "text") else name for name in arguments.task]
        plan = plan_for(arguments.seconds, kind, tasks, arguments.pretraining_seeds, arguments.image_size)
        for name in plan.steps:  # before anything is computed
            task_for(name, kind, column, arguments.image_size)
        rows = compared_rows(source, data, columns, arguments.image_size, plan.rows)
        clustered = len(rows.clustered.inputs)
        if (arguments.clusters or 0) > clustered:
            raise UserError(f"--clusters {arguments.clusters} is more than the {clustered:,} rows that are clustered")
        brought = brought_along(arguments.run, rows, arguments.image_size)
        cells = Cells(folder.cells, rows.record() | {"seed": arguments.seed})
        print(f"'{source.name}': {len(rows.bank.inputs):,} rows to learn from, {len(rows.test.inputs):,} to measure on")
        shown = _run(Comparison(arguments, data, plan, rows, cells, folder.path, command), brought)
        write_report(folder, shown)
        write_text(folder.results, json.dumps(shown.results, indent=2) + "\n")
        print(f"\n{shown.results['recommendation']['sentence']}\n{folder.path}: report.html, report.md, results.json")


def _run(comparison: Comparison, brought: list[Pretrained]) -> Shown:
    arguments, rows, plan, cells = comparison.arguments, comparison.rows, comparison.plan, comparison.cells
    seed, notes = arguments.seed, list(rows.notes)
    if rows.names and rows.all_clustered:
        notes.append(
            f"There are {len(rows.test.inputs)} test rows, so clusters are sought and measured among all rows, some of whose "
            "labels chose the features for them (--eval_split names a split)."
        )
    with progress_bar("comparison", total=6, unit="part", leave=False) as bar:
        entries = baseline_entries(cells, rows, plan, arguments.clusters, seed)
        bar.update()
        own = _pretrain(comparison, notes)
        runs = dict(own)
        for run in brought:
            runs[_unused(run.name, {entry.title for entry in entries} | set(runs))] = [run]
        bar.update()
        entries += network_entries(cells, runs, rows, plan, arguments.clusters, seed)
        bar.update()
        supervised = _supervised(comparison, runs, list(own), notes)
        bar.update()
        pointed = [entry for entry in entries if entry.points is not None]
        looked_at = [best for family in (BASELINE, PRETRAINED) if (best := best_of(pointed, family, "kmeans_nmi"))]
        with one_thread():
            numbers = {entry.name: numbers_of_clusters(cells, entry, rows, seed) for entry in looked_at}
            maps = {entry.name: map_of(cells, entry, plan.map_rows, seed) for entry in looked_at}
            bar.update()
            densities = {entry.name: density_of(cells, entry, seed) for entry in looked_at}
            identities = {title: several[0].identity for title, several in runs.items()}
            sentences = cells("six_sentences", {"runs": identities}, lambda: six_sentences(runs)).figures
            bar.update()
    results = {
        "task": "comparison",
        "command": comparison.command,
        "data": rows.record(),
        "budget": {"asked": arguments.budget, "plan": plan.record()},
        "seed": seed,
        "several_seeds": arguments.pretraining_seeds > 1,
        "versions": {name: version(name) for name in (*VERSIONS, *PACKAGES)} | {"python": platform.python_version()},
        "methods": methods_of(entries, rows, seed),
        "supervised": supervised_of(supervised, seed),
        "numbers_of_clusters": {name: cell.figures for name, cell in numbers.items() if cell},
        "clusters": {entry.name: names_of(entry, rows) for entry in looked_at},
        "density": {name: cell.figures for name, cell in densities.items() if cell},
        "six_sentences": sentences,
        "notes": notes,
    }
    results["recommendation"] = recommend(results, entries, rows, seed)
    unusual = {name: cell.arrays["unusual"] for name, cell in densities.items() if cell}
    return Shown(results, rows, entries, {name: cell for name, cell in maps.items() if cell}, unusual)


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number if another line of the table has it."""
    files = {title.replace(" ", "_") for title in taken} | set(TITLES)
    number = 2
    unused = name
    while unused.replace(" ", "_") in files:
        unused, number = f"{name} {number}", number + 1
    return unused


def _pretrain(comparison: Comparison, notes: list[str]) -> Runs:
    arguments, rows = comparison.arguments, comparison.rows
    if len(rows.bank.inputs) < FEWEST_ROWS:
        notes.append(
            f"Nothing was pretrained: {len(rows.bank.inputs)} rows are too few ({FEWEST_ROWS} are the least); --run brings a "
            "network along."
        )
        return {}
    return {
        task.replace("_", " "): [
            pretrained_here(
                comparison.folder,
                task,
                steps,
                arguments.seed + number,
                rows,
                comparison.data,
                arguments.image_size,
                comparison.command,
            )
            for number in range(arguments.pretraining_seeds)
        ]
        for task, steps in comparison.plan.steps.items()
    }


def _supervised(
    comparison: Comparison, runs: Runs, own: list[str], notes: list[str]
) -> dict[str, dict[str, dict[int, list[Cell]]]]:
    """Fine-tuning and training from scratch, of the first network that takes it."""
    rows, plan, seed = comparison.rows, comparison.plan, comparison.arguments.seed
    enough = len(rows.known) >= FEWEST_LABELLED and bool((rows.test.labels >= 0).any())
    if not (rows.names and plan.supervised_counts and enough and runs):
        return {}
    network = next((title for title, several in runs.items() if can_be_classified(several[0])), None)
    if network is None:
        notes.append("Nothing was fine-tuned: there is no classifier for these networks.")
        return {}
    hundredth = one_percent(rows.bank.labels[rows.known])
    found: dict[str, dict[int, list[Cell]]] = {}
    for kind in KINDS:
        equal = kind == "from_scratch_equal_compute"
        if equal and not (plan.equal_compute_steps and network in own[:1]):
            continue  # what somebody else's pretraining took is not in the plan
        others = [count for count in plan.supervised_counts if not hundredth / 2 <= count <= 2 * hundredth]
        for a_class in [hundredth] if equal else sorted([*others, hundredth]):
            for number, run in enumerate(runs[network]):
                # New weights know nothing of the run but its architecture.
                depends = {"run": run.identity, "labels": a_class, "plan": plan.record()}

                def compute(
                    run: Pretrained = run, a_class: int = a_class, kind: str = kind, number: int = number
                ) -> Any:
                    return train_with_labels(run, rows, plan, a_class, kind, seed + number)

                cell = comparison.cells(f"{kind}_{a_class}", depends | {"number": number}, compute)
                found.setdefault(kind, {}).setdefault(a_class, []).append(cell)
    return {network: found}
