"""What one set of features is worth: neighbours, linear readouts, clusters, few labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse
from scipy.sparse import vstack as sparse_vstack
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from hf_ssl.comparison.cells import Computed
from hf_ssl.evaluation.intervals import accuracy_interval, agreement_interval
from hf_ssl.evaluation.probes import MOST_COMPONENTS, NEIGHBOURS, cluster_accuracy, principal
from hf_ssl.evaluation.readout import Pair, best_readout, choose_for_clusters, neighbours, taken_as_they_are, whiten
from hf_ssl.evaluation.rows import FEWEST_LABELLED_TEST, ComparedRows
from hf_ssl.transfer.label_efficiency import (
    Representation,
    choose_linear,
    draw_rows,
    draw_share,
    label_counts,
    linear_right,
)
from hf_ssl.unsupervised.choosing import choose_clusters, usual_counts
from hf_ssl.unsupervised.clustering import cluster
from hf_ssl.unsupervised.features import alike, check_finite
from hf_ssl.unsupervised.methods import kmeans

FEWEST_LABELLED = 30  # rows of the bank: with fewer there is nothing to choose and little to learn by
USUAL_NUMBER = 8  # of clusters, where nothing can be said of their number
UNCHOSEN_POWER = 0.25  # of whitening, where there are no labels to choose by
HUNDRED = 100
MANY = 2000  # labelled rows
AGREEMENTS = {"nmi": normalized_mutual_info_score, "ari": adjusted_rand_score, "accuracy": cluster_accuracy}


@dataclass(frozen=True)
class Effort:
    """How closely to look.

    Attributes:
        starts: of k-means.
        draws: of labelled rows.
        most_labels: a class, at which label curves end (before "all").
        all_methods: cluster by Gaussian mixtures and by HDBSCAN too.
    """

    starts: int
    draws: int
    most_labels: int
    all_methods: bool


def measure(
    candidates: dict[str, Pair], rows: ComparedRows, clusters: int | None, effort: Effort, seed: int
) -> Computed:
    """Measure one set of features.

    Every choice (variant, whitening, regularisation) is made on labelled rows of the bank; without labels the first variant is
    taken, mildly whitened.

    Args:
        candidates: variants (layers, dimensions) -> features of (bank, test).
        rows: that they are of.
        clusters: how many to look for; None for as many as there are labels or, without labels, as `choose_clusters` finds.
        effort: how closely to look.
        seed: of draws and starts.

    Returns:
        Figures; arrays "clustered" (float32 features of the clustered rows), "kmeans", "gaussian_mixture", "hdbscan" (clusters,
        int64 of shape (starts, rows)), "knn_right", "linear_right", "linear_100_right" (of shape (draws, test rows)).

    Raises:
        UserError: if features are not finite.
    """
    for bank, test in candidates.values():
        for features in () if issparse(bank) else (bank, test):
            check_finite(features)
    figures: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    if rows.names and len(rows.known) >= FEWEST_LABELLED:
        _measure_readouts(candidates, rows, effort, seed, figures, arrays)
        variant, power = choose_for_clusters(candidates, rows.bank.labels)
    else:
        variant, power = next(iter(candidates)), UNCHOSEN_POWER
    points: Any = _clustered(
        candidates[variant], rows, None if taken_as_they_are(variant, candidates[variant][0]) else power
    )
    figures["clusters_of"] = {"features": variant, "whitening": power}
    starts = range(seed, seed + effort.starts)
    clusters = min(clusters or len(rows.names) or _found_number(points, seed), points.shape[0])
    found: dict[str, np.ndarray]
    if isinstance(points, csr_matrix):
        found = {"kmeans": np.stack([kmeans(points, clusters, start) for start in starts])}
    else:
        arrays["clustered"] = points.astype(np.float32)
        found = {"kmeans": np.stack([cluster(points, "kmeans", clusters, start).labels for start in starts])}
        if effort.all_methods:
            for method in ("gaussian_mixture", "hdbscan"):
                found[method] = cluster(points, method, clusters, seed).labels[None]
    for method, clusterings in found.items():
        arrays[method] = clusterings
        figures |= agreement_figures(method, rows.clustered.labels, clusterings, bool(rows.names), seed)
    return figures, arrays


def agreement_figures(
    method: str, labels: np.ndarray, clusterings: np.ndarray, labelled: bool, seed: int
) -> dict[str, Any]:
    """How many clusters there are and, where there are labels, how they agree with them (on labelled rows)."""
    figures: dict[str, Any] = {f"{method}_clusters": len(np.unique(clusterings[0][clusterings[0] >= 0]))}
    known = labels >= 0
    if labelled and known.any():
        for name, score in AGREEMENTS.items():
            # Rows that belong to no cluster are one more.
            named = clusterings[:, known] - clusterings.min(initial=0)
            figures[f"{method}_{name}"] = agreement_interval(score, labels[known], named, seed)
    return figures


def _measure_readouts(
    candidates: dict[str, Pair],
    rows: ComparedRows,
    effort: Effort,
    seed: int,
    figures: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    known, labelled_test = rows.known, rows.test.labels >= 0
    labels, test_labels = rows.bank.labels[known], rows.test.labels[labelled_test]
    if len(test_labels) < FEWEST_LABELLED_TEST:
        return
    readout = best_readout(candidates, rows.bank.labels)
    figures["neighbours_of"] = readout.choice
    bank, test = readout.bank[known], readout.test[labelled_test]
    plain: Representation = readout.plain[0][known], readout.plain[1][labelled_test]
    if not isinstance(bank, csr_matrix) and bank.shape[1] > MOST_COMPONENTS:
        plain = principal(*plain, seed)
    nearest = neighbours(min(NEIGHBOURS, len(known))).fit(bank, labels)
    representations = [plain] if readout.bank is readout.plain[0] else [plain, (bank, test)]

    def right(draws: list[np.ndarray]) -> np.ndarray:
        chosen, strength = choose_linear(representations, labels, draws[0], seed)
        return linear_right(chosen, strength, labels, test_labels, draws)

    arrays["knn_right"] = (nearest.predict(test) == test_labels)[None]
    arrays["linear_right"] = right([np.arange(len(labels))])
    if len(labels) >= HUNDRED:
        arrays["linear_100_right"] = right([draw_share(labels, HUNDRED, seed + draw) for draw in range(effort.draws)])
    figures["curve"], figures["knn_curve"] = {}, {}
    for count in label_counts(labels, effort.most_labels):
        several = effort.draws if count * len(rows.names) <= MANY else 2  # many rows differ little from many others
        draws = [draw_rows(labels, count, seed + draw) for draw in range(several)]
        figures["curve"][str(count)] = right(draws).mean(1).tolist()
        voting = neighbours(min(NEIGHBOURS, count))
        figures["knn_curve"][str(count)] = [
            float(voting.fit(bank[drawn], labels[drawn]).score(test, test_labels)) for drawn in draws
        ]
    figures["curve"]["all"] = arrays["linear_right"].mean(1).tolist()
    figures["knn_curve"]["all"] = arrays["knn_right"].mean(1).tolist()
    for name in ("knn", "linear", "linear_100"):
        if f"{name}_right" in arrays:
            figures[f"{name}_accuracy"] = accuracy_interval(arrays[f"{name}_right"], seed)


def _clustered(pair: Pair, rows: ComparedRows, power: float | None) -> Any:
    """Features of the rows among which clusters are sought."""
    bank, test = pair
    if isinstance(bank, csr_matrix):
        return sparse_vstack([bank, test]).tocsr() if rows.all_clustered else test
    wanted = np.concatenate([bank, test]) if rows.all_clustered else test
    return wanted if power is None else whiten(bank, wanted, power)[1]


def _found_number(points: Any, seed: int) -> int:
    """The number of clusters that the rows themselves support best."""
    if isinstance(points, csr_matrix) or points.shape[0] < 2 * USUAL_NUMBER or alike(points):
        return min(USUAL_NUMBER, points.shape[0])
    return choose_clusters(points, usual_counts(len(points)), seed).chosen
