"""Choice of the number of clusters: four criteria and one rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_rand_score, pairwise_distances_argmin, silhouette_score
from sklearn.preprocessing import normalize

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised.features import alike, checked, few_components, sample_rows
from hf_ssl.unsupervised.methods import fit_mixture, kmeans_with_inertia

MOST_ROWS = 5000  # to cluster
MOST_COMPARED = 2000  # rows, for the silhouette: its time grows with their square
HALVES = 4
STARTS = 3
COMPONENTS = 10
STABLE = 0.9  # share of the best stability
COUNTS = (*range(2, 11), 12, 15, 20)


@dataclass(frozen=True)
class ClusterCount:
    """The criteria for each number of clusters, and the chosen number.

    Attributes:
        figures: criterion ("silhouette", "bic", "stability", "inertia") -> number of clusters -> value.
        best: "silhouette", "bic", "stability" -> the number of clusters it prefers. Inertia always prefers the largest.
        chosen: the number with the best silhouette among those whose stability is at least nine tenths of the best. If no
            stability is close to 1, the rows have no such clusters, and the number means little.
    """

    figures: dict[str, dict[int, float]]
    best: dict[str, int]
    chosen: int


def usual_counts(rows: int) -> list[int]:
    """Return the numbers of clusters to try: 2 to 20, more sparsely at the end, with at least five rows per cluster."""
    return [count for count in COUNTS if 5 * count <= rows] or [min(2, rows)]


def choose_clusters(features: np.ndarray, counts: Sequence[int], seed: int) -> ClusterCount:
    """Evaluate numbers of clusters on at most 5,000 rows.

    - silhouette of k-means (Rousseeuw 1987; cosine), on at most 2,000 rows;
    - stability: k-means on pairs of random halves, each extended to all rows by the nearest centre, compared by the adjusted
      Rand index (Ben-Hur et al. 2002; Lange et al. 2004), which is 0 for chance agreement;
    - Bayesian information criterion of a diagonal Gaussian mixture on at most 10 principal components (Schwarz 1978);
    - inertia: mean squared distance of unit-length rows to their centre.

    Args:
        features: float, shape (rows, dimensions); vector lengths are ignored.
        counts: numbers of clusters, each from 2 to rows - 1.
        seed: seed of samples, halves and initialisations.

    Raises:
        UserError: if features are not finite or all identical, or a number of clusters is out of range.
    """
    features = checked(features)
    wrong = [count for count in counts if not 2 <= count < len(features)]
    if wrong or not counts:
        raise UserError(
            f"numbers of clusters to compare must be from 2 to {len(features) - 1} ({len(features)} rows), not {wrong or 'none'}"
        )
    points = normalize(features[sample_rows(len(features), MOST_ROWS, seed)])
    if alike(points):
        raise UserError("all rows are alike: there are no clusters to count; check how the features were computed")
    components = few_components(points, COMPONENTS, seed)
    compared = sample_rows(len(points), MOST_COMPARED, seed)
    figures: dict[str, dict[int, float]] = {"silhouette": {}, "bic": {}, "stability": {}, "inertia": {}}
    for count in sorted(set(counts)):
        labels, found = kmeans_with_inertia(points, count, seed, STARTS)
        figures["inertia"][count] = found["inertia"]
        figures["silhouette"][count] = _silhouette(points[compared], labels[compared])
        figures["stability"][count] = stability(points, count, seed)
        figures["bic"][count] = float(fit_mixture(components, count, "diag", seed).bic(components))
    best = {name: max(values, key=values.__getitem__) for name, values in figures.items() if name != "inertia"}
    best["bic"] = min(figures["bic"], key=figures["bic"].__getitem__)
    most = max(figures["stability"].values())
    enough = most - (1 - STABLE) * abs(most)  # may be negative
    stable = [count for count, value in figures["stability"].items() if value >= enough]
    return ClusterCount(figures, best, max(stable, key=figures["silhouette"].__getitem__))


def stability(points: np.ndarray, count: int, seed: int) -> float:
    """Return the mean adjusted Rand index, over all rows, of clusters fitted on pairs of disjoint random halves."""
    generator = np.random.default_rng(seed)
    agreements = []
    for start in range(HALVES // 2):
        order = generator.permutation(len(points))
        extended = []
        for half in np.array_split(order, 2):
            labels = kmeans_with_inertia(points[half], count, seed + start, STARTS)[0]
            centres = np.stack([points[half][labels == label].mean(0) for label in range(labels.max() + 1)])
            extended.append(pairwise_distances_argmin(points, centres))
        agreements.append(adjusted_rand_score(*extended))
    return float(np.mean(agreements))


def _silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Return the silhouette, or its minimum of -1 if there are too few non-empty clusters to compare."""
    if not 2 <= len(np.unique(labels)) < len(labels):
        return -1.0
    return float(silhouette_score(points, labels, metric="cosine"))
