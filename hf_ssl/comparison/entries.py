"""The sets of features to compare, each measured in its own cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hf_ssl.evaluation.cells import Cell, Cells, Computed
from hf_ssl.evaluation.measure import Effort, baseline_candidates, measure, network_candidates
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.evaluation.readout import Pair
from hf_ssl.modalities.baseline import Baseline
from hf_ssl.runs.pretrained import Pretrained

BASELINE, UNTRAINED, PRETRAINED = "baseline", "untrained", "pretrained"


@dataclass(frozen=True)
class Entry:
    """One line of the table.

    Attributes:
        name: key in files and results.
        title: title in the report.
        family: "baseline", "untrained" or "pretrained".
        cells: measurements, one cell per pretraining seed.
        training_cpu_seconds: mean CPU time of a pretraining run; 0 without.
    """

    name: str
    title: str
    family: str
    cells: list[Cell]
    training_cpu_seconds: float = 0.0

    def stacked(self, array: str) -> np.ndarray | None:
        """Return an array of all cells, concatenated: shape (draws, rows); None if it was not measured."""
        if any(array not in cell.arrays for cell in self.cells):
            return None
        return np.concatenate([cell.arrays[array] for cell in self.cells])

    @property
    def points(self) -> np.ndarray | None:
        """Return the features of the clustered rows (of the first seed); None if they are sparse."""
        return self.cells[0].arrays.get("clustered")


@dataclass(frozen=True)
class Table:
    """Measures the lines of the table.

    Attributes:
        cells: cached parts.
        rows: rows to measure on.
        effort: how thoroughly to measure.
        seed: seed of draws, starts and untrained weights.
        step: called with the title of the next measurement.
    """

    cells: Cells
    rows: MeasuredRows
    effort: Effort
    seed: int
    step: Callable[[str], None]

    def baselines(self) -> list[Entry]:
        """Measure the baselines, which need no network."""
        return [self._baseline(baseline) for baseline in self.rows.modality.baselines(self.seed)]

    def networks(self, runs: dict[str, list[Pretrained]]) -> list[Entry]:
        """Measure pretrained networks, and the same networks without any training.

        Args:
            runs: title -> runs of one task with different seeds.
        """
        found = []
        for title, several in runs.items():
            first, name = several[0], title.replace(" ", "_")
            cell = self._network(f"untrained_{name}", first, f"{title}, untrained")
            found.append(Entry(f"untrained_{name}", f"{title}, untrained", UNTRAINED, [cell]))
            measured = [self._network(name, run, f"{title}, pretrained") for run in several]
            seconds = float(np.mean([run.results.cost.cpu_seconds for run in several if run.results is not None]))
            found.append(Entry(name, f"{title}, pretrained", PRETRAINED, measured, seconds))
        return found

    def _baseline(self, baseline: Baseline) -> Entry:
        cell = self._measured(baseline.name, baseline.title, {}, lambda: baseline_candidates(baseline, self.rows))
        return Entry(baseline.name, baseline.title, BASELINE, [cell])

    def _network(self, name: str, run: Pretrained, title: str) -> Cell:
        def candidates() -> dict[str, Pair]:
            encoder = run.untrained(self.seed) if name.startswith(f"{UNTRAINED}_") else run.encoder
            return network_candidates(lambda inputs: run.embed(encoder, inputs, f"features of {title}"), self.rows)

        return self._measured(name, title, {"run": run.identity}, candidates)

    def _measured(
        self, name: str, title: str, depends: dict[str, str], candidates: Callable[[], dict[str, Pair]]
    ) -> Cell:
        def compute() -> Computed:
            measured = measure(candidates(), self.rows, self.effort, self.seed)
            return measured.figures, measured.arrays

        self.step(title)
        return self.cells(name, {"effort": vars(self.effort), **depends}, compute)
