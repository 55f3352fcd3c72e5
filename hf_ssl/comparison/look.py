"""To look at: how many clusters there are, what they are about, a map, and the most unusual rows."""

import hashlib
from typing import Any

import numpy as np

from hf_ssl.comparison.cells import Cell, Cells, Computed
from hf_ssl.comparison.entries import Entry
from hf_ssl.comparison.measure import AGREEMENTS
from hf_ssl.evaluation.rows import ComparedRows
from hf_ssl.unsupervised.choosing import choose_clusters, usual_counts
from hf_ssl.unsupervised.clustering import Clusters
from hf_ssl.unsupervised.density import METHODS, fit_density, held_out_log_likelihood, most_unusual
from hf_ssl.unsupervised.features import alike, sample_rows
from hf_ssl.unsupervised.methods import kmeans
from hf_ssl.unsupervised.naming import nearest_rows, top_terms
from hf_ssl.unsupervised.projection import tsne_map

UNUSUAL = 6
NEAREST = 3
FEWEST_FOR_DENSITY = 30


def can_be_looked_at(points: np.ndarray | None) -> bool:
    """Whether there are rows that differ."""
    return points is not None and len(points) > 5 and not alike(points)


def numbers_of_clusters(cells: Cells, entry: Entry, rows: ComparedRows, seed: int) -> Cell | None:
    """Quality against the number of clusters: see `hf_ssl.unsupervised.choosing`; with labels also the agreement with them."""
    points = entry.points
    if points is None or not can_be_looked_at(points):
        return None

    def compute() -> Computed:
        choice = choose_clusters(points, usual_counts(len(points)), seed)
        figures: dict[str, Any] = {"chosen": choice.chosen, "best": choice.best, "figures": choice.figures}
        known = rows.clustered.labels >= 0
        if rows.names:
            figures["figures"]["nmi"] = {
                count: AGREEMENTS["nmi"](rows.clustered.labels[known], kmeans(points, count, seed)[known])
                for count in choice.figures["silhouette"]
            }
        return figures, {}

    return cells(f"numbers_{entry.name}", {"points": _identity(points)}, compute)


def map_of(cells: Cells, entry: Entry, most: int, seed: int) -> Cell | None:
    """t-SNE of some of the clustered rows: arrays "rows" (their places) and "positions" (float32, shape (rows, 2))."""
    points = entry.points
    if points is None or not can_be_looked_at(points):
        return None

    def compute() -> Computed:
        chosen = sample_rows(len(points), most, seed)
        return {}, {"rows": np.asarray(chosen), "positions": tsne_map(points[chosen], seed)}

    return cells(f"map_{entry.name}", {"points": _identity(points), "most": most}, compute)


def density_of(cells: Cells, entry: Entry, seed: int) -> Cell | None:
    """Held-out log-likelihood of two densities (nats a row; not to be compared between features), and the most unusual rows."""
    points = entry.points
    if points is None or not can_be_looked_at(points) or len(points) < FEWEST_FOR_DENSITY:
        return None

    def compute() -> Computed:
        order = np.random.default_rng(seed).permutation(len(points))
        held, fitted = order[: len(points) // 5], order[len(points) // 5 :]
        likelihoods = {
            method: held_out_log_likelihood(fit_density(points[fitted], method, seed), points[held])
            for method in METHODS
        }
        whole = fit_density(points, METHODS[0], seed)
        return {"held_out": likelihoods}, {"unusual": np.asarray(most_unusual(whole, points, UNUSUAL), np.int64)}

    return cells(f"density_{entry.name}", {"points": _identity(points)}, compute)


def names_of(entry: Entry, rows: ComparedRows) -> list[dict[str, Any]]:
    """Of each k-means cluster of the first start: size, terms, the rows nearest to its centre, the commonest label."""
    labels = entry.cells[0].arrays["kmeans"][0]
    points = entry.points
    terms = top_terms(rows.clustered.inputs, labels) if rows.kind == "text" else {}
    nearest: dict[int, list[int]] = {}
    if points is not None:
        centres = np.stack([points[labels == label].mean(0) for label in range(int(labels.max()) + 1)])
        nearest = nearest_rows(points, Clusters(labels, centres, {}), NEAREST)
    named = []
    for label in range(int(labels.max()) + 1):
        truth = rows.clustered.labels[labels == label]
        counts = np.bincount(truth[truth >= 0], minlength=1) if rows.names else np.zeros(1, np.int64)
        commonest = int(counts.argmax()) if counts.sum() else None
        named.append(
            {
                "cluster": label,
                "rows": int((labels == label).sum()),
                "terms": terms.get(label, []),
                "nearest": nearest.get(label, []),
                "label": None if commonest is None else rows.names[commonest],
                "label_share": None if commonest is None else float(counts.max() / counts.sum()),
            }
        )
    return named


def _identity(points: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(points).tobytes()).hexdigest()[:16]
