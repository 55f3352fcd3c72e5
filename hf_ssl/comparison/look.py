"""Exploration: the number of clusters, their contents, a map, and the most unusual rows."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from hf_ssl.comparison.entries import Entry
from hf_ssl.evaluation.cells import Cell, Cells, Computed
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.evaluation.metrics import AGREEMENTS
from hf_ssl.unsupervised.choosing import choose_clusters, usual_counts
from hf_ssl.unsupervised.clustering import Clusters
from hf_ssl.unsupervised.density import METHODS, fit_density, held_out_log_likelihood, most_unusual
from hf_ssl.unsupervised.features import alike, sample_rows
from hf_ssl.unsupervised.methods import kmeans
from hf_ssl.unsupervised.naming import describe_clusters, nearest_rows
from hf_ssl.unsupervised.projection import tsne_map

UNUSUAL = 6
NEAREST = 3
TERMS = 5
FEWEST_FOR_DENSITY = 30


def can_be_looked_at(points: np.ndarray | None) -> bool:
    """Return whether there are enough rows, not all alike."""
    return points is not None and len(points) > 5 and not alike(points)


def numbers_of_clusters(cells: Cells, entry: Entry, rows: MeasuredRows, seed: int) -> Cell | None:
    """Return quality against the number of clusters (see `hf_ssl.unsupervised.choosing`) and, with labels, their agreement."""
    points = entry.points
    if points is None or not can_be_looked_at(points):
        return None

    def compute() -> Computed:
        choice = choose_clusters(points, usual_counts(len(points)), seed)
        figures: dict[str, Any] = {"chosen": choice.chosen, "best": choice.best, "figures": choice.figures}
        known = rows.clustered.labels >= 0
        if rows.names:
            figures["figures"]["nmi"] = {
                count: AGREEMENTS["nmi"]().of(rows.clustered.labels[known], kmeans(points, count, seed)[known])
                for count in choice.figures["silhouette"]
            }
        return figures, {}

    return cells(f"numbers_{entry.name}", {"points": _identity(points)}, compute)


def map_of(cells: Cells, entry: Entry, most: int, seed: int) -> Cell | None:
    """Return t-SNE of some of the clustered rows: arrays "rows" (indices) and "positions" (float32, shape (rows, 2))."""
    points = entry.points
    if points is None or not can_be_looked_at(points):
        return None

    def compute() -> Computed:
        chosen = sample_rows(len(points), most, seed)
        return {}, {"rows": np.asarray(chosen), "positions": tsne_map(points[chosen], seed)}

    return cells(f"map_{entry.name}", {"points": _identity(points), "most": most}, compute)


def density_of(cells: Cells, entry: Entry, seed: int) -> Cell | None:
    """Return the held-out log-likelihood of two densities (nats per row; only comparable within features), and unusual rows."""
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


def names_of(entry: Entry, rows: MeasuredRows) -> list[dict[str, Any]]:
    """Describe each k-means cluster of the first start: size, terms, commonest label, and the rows nearest to its centre."""
    clusters, points = entry.cells[0].arrays["kmeans"][0], entry.points
    terms = rows.modality.terms_of(rows.clustered.inputs, clusters, TERMS)
    nearest: dict[int, list[int]] = {}
    if points is not None:
        centres = np.stack([points[clusters == number].mean(0) for number in range(int(clusters.max()) + 1)])
        nearest = nearest_rows(points, Clusters(clusters, centres, {}), NEAREST)
    described = describe_clusters(clusters, rows.clustered.labels, rows.names, terms)
    return [each | {"nearest": nearest.get(each["cluster"], [])} for each in described]


def _identity(points: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(points).tobytes()).hexdigest()[:16]
