"""A comparison from rows to report; every part is a cached cell, so that an interrupted comparison resumes."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hf_ssl.common.device import keep_freed_memory, one_thread
from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import Stages
from hf_ssl.common.run_folder import COMPARISON, RunFolder
from hf_ssl.common.writing import write_text
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.comparison.budget import Plan, plan_for
from hf_ssl.comparison.entries import BASELINE, PRETRAINED, Entry, Table
from hf_ssl.comparison.look import density_of, map_of, names_of, numbers_of_clusters
from hf_ssl.comparison.networks import FEWEST_ROWS, brought_along, pairing_for, pretrained_here
from hf_ssl.comparison.outcome import ComparisonResults, methods_of, supervised_of
from hf_ssl.comparison.recommend import best_of, recommend
from hf_ssl.comparison.report import ReportContent, write_report
from hf_ssl.comparison.speed import kept_speed
from hf_ssl.comparison.supervised import KINDS, SupervisedTraining, can_be_classified, one_percent
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.embedded import settle
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.cells import PACKAGES, Cell, Cells
from hf_ssl.evaluation.doubts import doubts_about
from hf_ssl.evaluation.measure import FEWEST_LABELLED
from hf_ssl.evaluation.measured_rows import MeasuredRows, measured_rows
from hf_ssl.modalities.known import settled_modality
from hf_ssl.pretext.pairing import Pairing
from hf_ssl.runs.job import Job
from hf_ssl.runs.pretrained import Pretrained
from hf_ssl.runs.results import PACKAGES as RUN_PACKAGES
from hf_ssl.runs.results import versions
from hf_ssl.training.arguments import TrainingArguments

USUAL_DATA = "docs"  # built in
Runs = dict[str, list[Pretrained]]


@dataclass(frozen=True)
class Comparison:
    """State shared by the parts of a comparison.

    Attributes:
        arguments: flags.
        data: data set flags.
        speed: of this machine, relative to the one that the plan knows.
        plan: what the budget buys.
        pairings: task -> task and modality.
        rows: rows that all methods use.
        cells: cached parts.
        folder: output folder.
        command: command line, for cards.
        stages: reports progress.
    """

    arguments: ComparisonArguments
    data: DataArguments
    speed: float
    plan: Plan
    pairings: dict[str, Pairing]
    rows: MeasuredRows
    cells: Cells
    folder: Path
    command: str
    stages: Stages


def compare(arguments: ComparisonArguments, data: DataArguments, reading: Any, command: str) -> None:
    """Run or resume a comparison, up to its report.

    Args:
        arguments: what to compare, within what budget.
        data: data set flags.
        reading: how rows are read; see `reading_flags`.
        command: command line, for cards.

    Raises:
        UserError: for anything that the user can fix.
    """
    data = settle(data, USUAL_DATA)
    keep_freed_memory()
    # Modalities ignore the flags of other modalities.
    config = asdict(arguments) | asdict(data) | asdict(reading)
    folder = RunFolder(Path(arguments.output_dir), config, COMPARISON, command)
    with folder:
        stages = Stages()
        stages.begin(f"reading '{data.dataset_name}'")
        source = open_source(data)
        table = first_table(source.train, source.name)
        doubts = source.announce(table, data)
        label_column = find_label_column(table, data)
        modality = settled_modality(reading, table, source.name, label_column)
        source = source.of_columns(modality.as_read(table), modality.columns, label_column)
        modality = modality.for_values(source.train)
        speed = kept_speed(folder.plan)
        plan = plan_for(
            arguments.seconds * speed, modality, arguments.task, arguments.pretraining_seeds, arguments.clusters
        )
        pairings = {name: pairing_for(name, modality) for name in plan.steps}  # before anything is computed
        rows = measured_rows(source, data, modality, label_column, plan.rows)
        doubts += doubts_about(modality, rows.bank.inputs, source.train, label_column)
        rows = replace(rows, warnings=doubts)
        clustered = len(rows.clustered.inputs)
        if (arguments.clusters or 0) > clustered:
            raise UserError(f"--clusters {arguments.clusters} is more than the {clustered:,} rows to cluster")
        brought = brought_along(arguments.run, modality)
        cells = Cells(folder.cells, rows.record() | {"seed": arguments.seed})
        print(
            f"'{source.name}' ({modality.name}): {len(rows.bank.inputs):,} rows to fit on, {len(rows.test.inputs):,} to "
            "test on",
            flush=True,
        )
        comparison = Comparison(arguments, data, speed, plan, pairings, rows, cells, folder.path, command, stages)
        results = write_report(folder, _run(comparison, brought))
        write_text(folder.results, results.text())
        print(f"\n{results.recommendation.sentence}\n{folder.path}: report.html, report.md, results.json")


def _run(comparison: Comparison, brought: list[Pretrained]) -> ReportContent:
    arguments, rows, plan, cells = comparison.arguments, comparison.rows, comparison.plan, comparison.cells
    seed, notes, stages = arguments.seed, rows.notes + rows.warnings, comparison.stages
    if rows.names and rows.all_clustered:
        notes.append(
            f"There are only {len(rows.test.inputs)} test rows, so all rows are clustered and measured, including those whose "
            "labels chose the features (--eval_split names a test split)."
        )
    lines = Table(cells, rows, plan.effort, seed, stages.begin)
    stages.expect(len(rows.modality.baselines(seed)) + 3 * len(plan.steps) + 2 * len(brought) + 4)
    entries = lines.baselines()
    own = _pretrain(comparison, notes)
    runs = dict(own)
    for run in brought:
        runs[_unused(run.name, entries, runs)] = [run]
    entries += lines.networks(runs)
    supervised = _supervised(comparison, runs, list(own), notes)
    pointed = [entry for entry in entries if entry.points is not None]
    chosen = (best_of(pointed, family, "kmeans_nmi") for family in (BASELINE, PRETRAINED))
    looked_at = [entry for entry in chosen if entry is not None]
    with one_thread():
        stages.begin("numbers of clusters")
        numbers = {entry.name: numbers_of_clusters(cells, entry, rows, seed) for entry in looked_at}
        stages.begin("maps")
        maps = {entry.name: map_of(cells, entry, plan.map_rows, seed) for entry in looked_at}
        stages.begin("densities")
        densities = {entry.name: density_of(cells, entry, seed) for entry in looked_at}
        identities = {title: several[0].identity for title, several in runs.items()}
        first = {title: several[0] for title, several in runs.items()}
        examples = cells("examples", {"runs": identities}, lambda: (rows.modality.worked_examples(first), {}))
    stages.end()
    results = ComparisonResults(
        command=comparison.command,
        data=rows.record(),
        budget={"asked": arguments.budget, "speed": comparison.speed, "plan": plan.record()},
        seed=seed,
        several_seeds=arguments.pretraining_seeds > 1,
        versions=versions(tuple(dict.fromkeys((*RUN_PACKAGES, *PACKAGES)))),
        methods=methods_of(entries, rows, seed),
        supervised=supervised_of(supervised, rows, seed),
        numbers_of_clusters={name: cell.figures for name, cell in numbers.items() if cell},
        clusters={entry.name: names_of(entry, rows) for entry in looked_at},
        density={name: cell.figures for name, cell in densities.items() if cell},
        six_sentences=examples.figures,
        notes=notes,
    )
    results = replace(results, recommendation=recommend(results, entries, rows, seed))
    unusual = {name: cell.arrays["unusual"] for name, cell in densities.items() if cell}
    return ReportContent(results, rows, entries, {name: cell for name, cell in maps.items() if cell}, unusual)


def _unused(name: str, entries: list[Entry], runs: Runs) -> str:
    """Return the name, numbered if another line of the table has it."""
    files = {entry.name for entry in entries} | {title.replace(" ", "_") for title in runs}
    number, unused = 2, name
    while unused.replace(" ", "_") in files:
        unused, number = f"{name} {number}", number + 1
    return unused


def _pretrain(comparison: Comparison, notes: list[str]) -> Runs:
    arguments, rows = comparison.arguments, comparison.rows
    if len(rows.bank.inputs) < FEWEST_ROWS:
        notes.append(
            f"Nothing was pretrained: {len(rows.bank.inputs)} rows are too few (at least {FEWEST_ROWS} are needed); --run "
            "adds a finished run."
        )
        return {}
    found: Runs = {}
    for task, pairing in comparison.pairings.items():
        comparison.stages.begin(f"pretraining: {task.replace('_', ' ')}")
        job = Job(pairing, comparison.data, TrainingArguments(), comparison.command)
        plans = [(comparison.plan.steps[task], arguments.seed + n) for n in range(arguments.pretraining_seeds)]
        found[task.replace("_", " ")] = [pretrained_here(comparison.folder, pairing, plan, rows, job) for plan in plans]
    return found


def _supervised(
    comparison: Comparison, runs: Runs, own: list[str], notes: list[str]
) -> dict[str, dict[str, dict[int, list[Cell]]]]:
    """Fine-tune and train from scratch the first network that has a classifier."""
    rows, plan = comparison.rows, comparison.plan
    comparison.stages.begin("training with labels")
    enough = len(rows.known) >= FEWEST_LABELLED and bool((rows.test.labels >= 0).any())
    if not (rows.names and plan.supervised_counts and enough and runs):
        return {}
    network = next((title for title, several in runs.items() if can_be_classified(several[0])), None)
    if network is None:
        notes.append("Nothing was fine-tuned: there is no classifier for these networks.")
        return {}
    hundredth = one_percent(rows.bank.labels[rows.known])
    training = SupervisedTraining(
        comparison.cells, rows, plan, comparison.folder / "trainings", comparison.arguments.seed
    )
    found: dict[str, dict[int, list[Cell]]] = {}
    for kind in KINDS:
        equal = kind == "from_scratch_equal_compute"
        if equal and not (plan.equal_compute_steps and network in own[:1]):
            continue  # the plan does not know the cost of other runs
        others = [count for count in plan.supervised_counts if not hundredth / 2 <= count <= 2 * hundredth]
        for a_class in [hundredth] if equal else sorted([*others, hundredth]):
            found.setdefault(kind, {})[a_class] = [
                training.cell(run, kind, a_class, number) for number, run in enumerate(runs[network])
            ]
    shutil.rmtree(training.folder, ignore_errors=True)  # what a killed comparison left behind, too
    return {network: found}
