"""results.json of a comparison: figures of all methods, intervals over rows, draws and pretraining seeds together."""

from typing import Any

import numpy as np

from hf_ssl.comparison.cells import Cell
from hf_ssl.comparison.entries import Entry
from hf_ssl.comparison.measure import AGREEMENTS
from hf_ssl.evaluation.intervals import accuracy_interval, agreement_interval
from hf_ssl.evaluation.rows import ComparedRows

READOUTS = ("knn", "linear_100", "linear")
CLUSTERINGS = ("kmeans", "gaussian_mixture", "hdbscan")
COLUMNS = {
    "knn_accuracy": "kNN",
    "linear_accuracy": "linear, all labels",
    "linear_100_accuracy": "linear, 100 labels",
    "kmeans_nmi": "k-means NMI",
    "kmeans_accuracy": "k-means accuracy",
}


def figures_of(entry: Entry, rows: ComparedRows, seed: int) -> dict[str, Any]:
    """Figures of one method; with several pretraining seeds each is a draw more."""
    if len(entry.cells) == 1:
        return entry.cells[0].figures
    figures = dict(entry.cells[0].figures)
    for name in READOUTS:
        right = entry.stacked(f"{name}_right")
        if right is not None:
            figures[f"{name}_accuracy"] = accuracy_interval(right, seed)
    labels = rows.clustered.labels
    known = labels >= 0
    for method in CLUSTERINGS:
        clusterings = entry.stacked(method)
        if clusterings is not None and rows.names and known.any():
            named = clusterings[:, known] - clusterings.min(initial=0)
            for name, score in AGREEMENTS.items():
                figures[f"{method}_{name}"] = agreement_interval(score, labels[known], named, seed)
    for name in {"curve", "knn_curve"} & set(figures):
        curves = [cell.figures[name] for cell in entry.cells]
        figures[name] = {count: [value for curve in curves for value in curve[count]] for count in curves[0]}
    figures["by_seed"] = [
        {name: cell.figures[name]["mean"] for name in COLUMNS if name in cell.figures} for cell in entry.cells
    ]
    return figures


def methods_of(entries: list[Entry], rows: ComparedRows, seed: int) -> dict[str, Any]:
    """All methods: title, family, figures, what they cost."""
    return {
        entry.name: {
            "title": entry.title,
            "family": entry.family,
            "figures": figures_of(entry, rows, seed),
            "pretraining_cpu_seconds": round(entry.training_cpu_seconds, 1),
            "measuring_cpu_seconds": round(sum(cell.cpu_seconds for cell in entry.cells), 1),
        }
        for entry in entries
    }


def supervised_of(cells: dict[str, dict[str, dict[int, list[Cell]]]], seed: int) -> dict[str, Any]:
    """Network -> kind of training -> labels a class -> accuracy over draws and pretraining seeds.

    Args:
        cells: the same, with a cell for each pretraining seed.
        seed: of the resampling.
    """
    found: dict[str, Any] = {}
    for network, kinds in cells.items():
        for kind, counts in kinds.items():
            for count, several in counts.items():
                right = np.concatenate([cell.arrays["right"] for cell in several])
                figures = several[0].figures
                found.setdefault(network, {}).setdefault(kind, {})[str(count)] = {
                    "accuracy": accuracy_interval(right, seed),
                    "by_seed": [float(cell.arrays["right"].mean()) for cell in several],
                    "labels": figures["labels"],
                    "steps": figures["steps"],
                    "tried": [cell.figures["tried"] for cell in several],
                    "cpu_seconds": [cell.figures["training_cpu_seconds"] for cell in several],
                }
    return found
