"""What is compared: sets of features, each measured in a cell of its own."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hf_ssl.comparison.budget import Plan
from hf_ssl.comparison.cells import Cell, Cells, Computed
from hf_ssl.comparison.measure import measure
from hf_ssl.comparison.methods import TITLES, Candidates, baselines, network_features
from hf_ssl.evaluation.rows import ComparedRows
from hf_ssl.pretrained import Pretrained
from hf_ssl.threads import one_thread

BASELINE, UNTRAINED, PRETRAINED = "baseline", "untrained", "pretrained"


@dataclass(frozen=True)
class Entry:
    """One line of the table.

    Attributes:
        name: for files and results.
        title: for people.
        family: "baseline", "untrained" or "pretrained".
        cells: what was measured, a cell for each pretraining seed.
        training_cpu_seconds: of each pretraining run, 0 where there was none.
    """

    name: str
    title: str
    family: str
    cells: list[Cell]
    training_cpu_seconds: float = 0.0

    def stacked(self, array: str) -> np.ndarray | None:
        """An array of all cells, one draw under the other: shape (draws, rows); None where it was not measured."""
        if any(array not in cell.arrays for cell in self.cells):
            return None
        return np.concatenate([cell.arrays[array] for cell in self.cells])

    @property
    def points(self) -> np.ndarray | None:
        """Features of the clustered rows (of the first seed), where they have directions."""
        return self.cells[0].arrays.get("clustered")


def baseline_entries(cells: Cells, rows: ComparedRows, plan: Plan, clusters: int | None, seed: int) -> list[Entry]:
    """Measure what needs no network."""
    found = []
    for name, features in baselines(rows.kind).items():

        def candidates(features: Callable[..., Candidates] = features) -> Candidates:
            # Pixels come in products that are worth two threads.
            with one_thread() if rows.kind == "text" else contextlib.nullcontext():
                return features(rows.bank.inputs, rows.test.inputs, seed)

        found.append(
            Entry(name, TITLES[name], BASELINE, [_measured(cells, name, {}, candidates, rows, plan, clusters, seed)])
        )
    return found


def network_entries(
    cells: Cells,
    runs: dict[str, list[Pretrained]],
    rows: ComparedRows,
    plan: Plan,
    clusters: int | None,
    seed: int,
) -> list[Entry]:
    """Measure pretrained networks, and the same networks without any training.

    Args:
        cells: what was computed before.
        runs: title -> runs of one task, that differ in their seed.
        rows: to measure on.
        plan: how closely.
        clusters: how many; None where that is to be found.
        seed: of draws, starts and untrained weights.
    """
    found = []
    for title, several in runs.items():
        first = several[0]
        name = title.replace(" ", "_")

        def untrained(run: Pretrained = first, title: str = title) -> Candidates:
            encoder = run.untrained(seed)
            return network_features(run, encoder, rows.bank.inputs, rows.test.inputs, f"features of {title}, untrained")

        cell = _measured(cells, f"untrained_{name}", {"run": first.identity}, untrained, rows, plan, clusters, seed)
        found.append(Entry(f"untrained_{name}", f"{title}, untrained", UNTRAINED, [cell]))
        measured = []
        for run in several:

            def trained(run: Pretrained = run, title: str = title) -> Candidates:
                return network_features(run, run.encoder, rows.bank.inputs, rows.test.inputs, f"features of {title}")

            measured.append(_measured(cells, name, {"run": run.identity}, trained, rows, plan, clusters, seed))
        seconds = float(np.mean([run.results["cost"]["cpu_seconds"] for run in several]))
        found.append(Entry(name, f"{title}, pretrained", PRETRAINED, measured, seconds))
    return found


def _measured(
    cells: Cells,
    name: str,
    depends: dict[str, str],
    candidates: Callable[[], Candidates],
    rows: ComparedRows,
    plan: Plan,
    clusters: int | None,
    seed: int,
) -> Cell:
    settings = {"effort": vars(plan.effort), "clusters": clusters, **depends}

    def compute() -> Computed:
        found = candidates()
        with one_thread():
            return measure(found, rows, clusters, plan.effort, seed)

    return cells(name, settings, compute)
