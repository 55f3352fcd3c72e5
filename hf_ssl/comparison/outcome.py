"""results.json of a comparison, as a typed record: figures of all methods, intervals over rows, draws and pretraining seeds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from hf_ssl.comparison.entries import Entry
from hf_ssl.evaluation.cells import Cell
from hf_ssl.evaluation.intervals import Draws, accuracy_interval
from hf_ssl.evaluation.measure import agreement_figures
from hf_ssl.evaluation.measured_rows import MeasuredRows

READOUTS = ("knn", "linear_100", "linear")
CLUSTERINGS = ("kmeans", "gaussian_mixture", "hdbscan")
COLUMNS = {
    "knn_accuracy": "kNN",
    "linear_accuracy": "linear, all labels",
    "linear_100_accuracy": "linear, 100 labels",
    "kmeans_nmi": "k-means NMI",
    "kmeans_accuracy": "k-means accuracy",
}


@dataclass(frozen=True)
class Method:
    """One line of the table.

    Attributes:
        title: title in the report.
        family: "baseline", "untrained" or "pretrained".
        figures: name -> "mean", "low", "high"; "curve" and "knn_curve": labels per class -> accuracies of several draws.
        pretraining_cpu_seconds: CPU time of pretraining; 0 without.
        measuring_cpu_seconds: CPU time of measuring.
    """

    title: str
    family: str
    figures: dict[str, Any]
    pretraining_cpu_seconds: float
    measuring_cpu_seconds: float


@dataclass(frozen=True)
class Recommendation:
    """The advice.

    Attributes:
        sentence: what to do.
        reasons: sentences.
        verdicts: figure -> best baseline, best pretrained network, and their difference.
    """

    sentence: str
    reasons: list[str]
    verdicts: dict[str, Any]


@dataclass(frozen=True)
class ComparisonResults:
    """What a comparison found.

    Attributes:
        command: command line that started it.
        data: what identifies the rows.
        budget: "asked", "speed" (of the machine, relative to the usual one) and "plan".
        seed: seed of draws, starts and pretraining.
        several_seeds: whether networks were pretrained with several seeds.
        versions: versions of packages.
        methods: name -> figures.
        supervised: network -> kind of training -> labels per class -> accuracy and cost.
        numbers_of_clusters: method -> quality against the number of clusters.
        clusters: method -> descriptions of its clusters.
        density: method -> held-out log-likelihoods.
        six_sentences: the worked example, for text.
        notes: what was left out, and why.
        recommendation: the advice.
        plots: name -> file.
    """

    command: str
    data: dict[str, Any]
    budget: dict[str, Any]
    seed: int
    several_seeds: bool
    versions: dict[str, str]
    methods: dict[str, Method]
    supervised: dict[str, Any]
    numbers_of_clusters: dict[str, Any]
    clusters: dict[str, Any]
    density: dict[str, Any]
    six_sentences: dict[str, Any]
    notes: list[str]
    recommendation: Recommendation = field(default_factory=lambda: Recommendation("", [], {}))
    plots: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return what results.json holds."""
        return json.dumps({"kind": "comparison"} | asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read results.json.

        Raises:
            KeyError, TypeError, ValueError: if it holds something else.
        """
        record = {name: value for name, value in json.loads(path.read_text(encoding="utf-8")).items() if name != "kind"}
        methods = {name: Method(**method) for name, method in record["methods"].items()}
        return cls(**record | {"methods": methods, "recommendation": Recommendation(**record["recommendation"])})


def entry_figures(entry: Entry, rows: MeasuredRows, seed: int) -> dict[str, Any]:
    """Return the figures of one method, with the draws of all its pretraining seeds."""
    if len(entry.cells) == 1:
        return entry.cells[0].figures
    figures = dict(entry.cells[0].figures)
    truth = rows.test.labels[rows.test.labels >= 0]
    for name in READOUTS:
        predictions = entry.stacked(name)
        if predictions is not None:
            figures[f"{name}_accuracy"] = accuracy_interval(Draws(truth, predictions), seed)
    for method in CLUSTERINGS:
        clusterings = entry.stacked(method)
        if clusterings is not None:
            figures |= agreement_figures(method, rows, clusterings, seed)
    for name in {"curve", "knn_curve"} & set(figures):
        curves = [cell.figures[name] for cell in entry.cells]
        figures[name] = {count: [value for curve in curves for value in curve[count]] for count in curves[0]}
    folds = [cell.figures["folds"] for cell in entry.cells]
    figures["folds"] = {name: float(np.mean([each[name] for each in folds])) for name in folds[0]}
    figures["by_seed"] = [
        {name: cell.figures[name]["mean"] for name in COLUMNS if name in cell.figures} for cell in entry.cells
    ]
    return figures


def methods_of(entries: list[Entry], rows: MeasuredRows, seed: int) -> dict[str, Method]:
    """Return the figures of all methods."""
    return {
        entry.name: Method(
            entry.title,
            entry.family,
            entry_figures(entry, rows, seed),
            round(entry.training_cpu_seconds, 1),
            round(sum(cell.cpu_seconds for cell in entry.cells), 1),
        )
        for entry in entries
    }


def supervised_of(cells: dict[str, dict[str, dict[int, list[Cell]]]], rows: MeasuredRows, seed: int) -> dict[str, Any]:
    """Return network -> kind of training -> labels per class -> accuracy over draws and pretraining seeds.

    Args:
        cells: the same, with a cell for each pretraining seed.
        rows: rows of the comparison.
        seed: seed of the resampling.
    """
    truth = rows.test.labels[rows.test.labels >= 0]
    found: dict[str, Any] = {}
    for network, kinds in cells.items():
        for kind, counts in kinds.items():
            for count, several in counts.items():
                draws = Draws(truth, np.concatenate([cell.arrays["found"] for cell in several]))
                figures = several[0].figures
                found.setdefault(network, {}).setdefault(kind, {})[str(count)] = {
                    "accuracy": accuracy_interval(draws, seed),
                    "by_seed": [cell.figures["accuracy"]["mean"] for cell in several],
                    "labels": figures["labels"],
                    "steps": figures["steps"],
                    "tried": [cell.figures["tried"] for cell in several],
                    "cpu_seconds": [cell.figures["training_cpu_seconds"] for cell in several],
                }
    return found
