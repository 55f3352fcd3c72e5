"""The only evaluation of a set of features: neighbours, linear readouts, clusters, few labels.

Every choice (variant, whitening, regularisation) is made on folds of the labelled bank; test rows are used once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse
from scipy.sparse import vstack as sparse_vstack
from sklearn.decomposition import PCA

from hf_ssl.common.device import one_thread
from hf_ssl.common.quiet import without_advice
from hf_ssl.evaluation.intervals import Draws, accuracy_interval, agreement_interval
from hf_ssl.evaluation.label_efficiency import choose_linear, draw_rows, draw_share, label_counts
from hf_ssl.evaluation.labels import FEWEST_LABELLED_TEST
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.evaluation.metrics import AGREEMENTS, Accuracy
from hf_ssl.evaluation.readout import (
    NEIGHBOURS,
    FeatureChoice,
    Pair,
    applied,
    choose_for_clusters,
    choose_for_neighbours,
    neighbours,
    taken_as_they_are,
)
from hf_ssl.modalities.baseline import AS_THEY_ARE, Baseline
from hf_ssl.unsupervised.choosing import choose_clusters, usual_counts
from hf_ssl.unsupervised.clustering import cluster
from hf_ssl.unsupervised.features import MOST_WHITENED_FROM, UNCHOSEN_POWER, alike, check_finite, whiten
from hf_ssl.unsupervised.methods import kmeans

FEWEST_LABELLED = 30  # bank rows: fewer are too few to choose and fit on
USUAL_NUMBER = 8  # of clusters, if their number cannot be estimated
HUNDRED = 100
MANY = 2000  # labelled rows
MOST_COMPONENTS = 512


@dataclass(frozen=True)
class Effort:
    """How thoroughly to measure.

    Attributes:
        starts: number of k-means starts.
        draws: number of draws of labelled rows.
        most_labels: labels per class at which label curves end (before "all"); 0 for no curves.
        all_methods: also cluster with Gaussian mixtures and HDBSCAN.
        clusters: number of clusters; None for the number of labels or, without labels, that of `choose_clusters`.
    """

    starts: int = 5
    draws: int = 5
    most_labels: int = 0
    all_methods: bool = False
    clusters: int | None = None


@dataclass
class Measured:
    """Figures of one set of features, with predictions and clusters.

    Attributes:
        figures: JSON: name -> "mean", "low", "high"; "folds": name -> score on folds of the bank, which chooses methods;
            "neighbours_of", "clusters_of": features used; "curve", "knn_curve": labels per class -> accuracies of draws.
        arrays: "clustered" (float32 features of the clustered rows); "kmeans", "gaussian_mixture", "hdbscan" (clusters, int64,
            shape (starts, rows)); "knn", "linear", "linear_100" (predicted labels, int64 of shape (draws, labelled test rows)).
    """

    figures: dict[str, Any] = field(default_factory=lambda: {"folds": {}})
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def network_candidates(embed: Callable[[Sequence[Any]], dict[str, np.ndarray]], rows: MeasuredRows) -> dict[str, Pair]:
    """Return the layers of a network, last one first: each once for rotation and whitening, and once as it is.

    Args:
        embed: inputs -> layer -> features.
        rows: bank and test.
    """
    bank = len(rows.bank.inputs)
    layers = reversed(embed([*rows.bank.inputs, *rows.test.inputs]).items())
    pairs = {name: (found[:bank], found[bank:]) for name, found in layers}
    return pairs | {f"{name}, {AS_THEY_ARE}": pair for name, pair in pairs.items()}


def baseline_candidates(baseline: Baseline, rows: MeasuredRows) -> dict[str, Pair]:
    """Fit a baseline on the bank and return its variants."""
    with one_thread() if baseline.one_thread else contextlib.nullcontext():
        baseline.fit(rows.bank.inputs)
        bank, test = baseline.encode(rows.bank.inputs), baseline.encode(rows.test.inputs)
    return {name: (bank[name], test[name]) for name in bank}


@without_advice()
@one_thread()
def measure(candidates: dict[str, Pair], rows: MeasuredRows, effort: Effort, seed: int) -> Measured:
    """Measure one set of features; without labels, use the first variant, mildly whitened.

    Args:
        candidates: variants (layers, dimensions) -> features of (bank, test).
        rows: bank and test.
        effort: how thoroughly to measure.
        seed: seed of draws and starts.

    Raises:
        UserError: if features are not finite.
    """
    for bank, test in candidates.values():
        for features in () if issparse(bank) else (bank, test):
            check_finite(features)
    found = Measured()
    if rows.names and len(rows.known) >= FEWEST_LABELLED:
        _measure_readouts(candidates, rows, effort, seed, found)
        choice = choose_for_clusters(candidates, rows.bank.labels)
        found.figures["folds"]["kmeans_nmi"] = choice.score
    else:
        choice = FeatureChoice(next(iter(candidates)), UNCHOSEN_POWER, 0.0)
    found.figures["clusters_of"] = {"features": choice.variant, "whitening": choice.power}
    _measure_clusters(_clustered(choice, candidates[choice.variant], rows), rows, effort, seed, found)
    return found


def agreement_figures(method: str, rows: MeasuredRows, clusterings: np.ndarray, seed: int) -> dict[str, Any]:
    """Return the number of clusters and, with labels, their agreement with them (on labelled rows)."""
    figures: dict[str, Any] = {f"{method}_clusters": len(np.unique(clusterings[0][clusterings[0] >= 0]))}
    labels = rows.clustered.labels
    known = labels >= 0
    if rows.names and known.any():
        # Rows without a cluster form one more.
        draws = Draws(labels[known], clusterings[:, known] - clusterings.min(initial=0))
        for name, metric in AGREEMENTS.items():
            figures[f"{method}_{name}"] = agreement_interval(metric(), draws, seed)
    return figures


def _measure_clusters(points: Any, rows: MeasuredRows, effort: Effort, seed: int, found: Measured) -> None:
    count = min(effort.clusters or len(rows.names) or _supported_number(points, seed), points.shape[0])
    starts = range(seed, seed + effort.starts)
    if isinstance(points, csr_matrix):
        clusterings = {"kmeans": np.stack([kmeans(points, count, start) for start in starts])}
    else:
        found.arrays["clustered"] = points.astype(np.float32)
        clusterings = {"kmeans": np.stack([cluster(points, "kmeans", count, start).labels for start in starts])}
        for method in ("gaussian_mixture", "hdbscan") if effort.all_methods else ():
            clusterings[method] = cluster(points, method, count, seed).labels[None]
    for method, each in clusterings.items():
        found.arrays[method] = each
        found.figures |= agreement_figures(method, rows, each, seed)


def _measure_readouts(
    candidates: dict[str, Pair], rows: MeasuredRows, effort: Effort, seed: int, found: Measured
) -> None:
    known, labelled_test = rows.known, rows.test.labels >= 0
    labels, test_labels = rows.bank.labels[known], rows.test.labels[labelled_test]
    if len(test_labels) < FEWEST_LABELLED_TEST:
        return
    choice = choose_for_neighbours(candidates, rows.bank.labels)
    whole = candidates[choice.variant]
    bank, test = (part[kept] for part, kept in zip(applied(choice, whole), (known, labelled_test), strict=True))
    plain = whole[0][known], whole[1][labelled_test]
    if not issparse(bank) and bank.shape[1] > MOST_COMPONENTS:
        plain = _principal(*plain, seed)
    as_they_are = taken_as_they_are(choice.variant, whole[0])
    representations = [plain] if as_they_are else [plain, (bank, test)]
    found.figures["neighbours_of"] = {"features": choice.variant, "whitening": choice.power}
    found.figures["folds"]["knn_accuracy"] = choice.score
    nearest = neighbours(min(NEIGHBOURS, len(known))).fit(bank, labels)
    found.arrays["knn"] = nearest.predict(test)[None]
    draws_of = {"linear": [np.arange(len(labels))]}
    if len(labels) >= HUNDRED:
        draws_of["linear_100"] = [draw_share(labels, HUNDRED, seed + draw) for draw in range(effort.draws)]
    for name, draws in draws_of.items():
        readout = choose_linear(representations, labels, draws[0], seed)
        found.figures["folds"][f"{name}_accuracy"] = readout.score
        found.arrays[name] = readout.predict(labels, draws)
    for name in ("knn", *draws_of):
        found.figures[f"{name}_accuracy"] = accuracy_interval(Draws(test_labels, found.arrays[name]), seed)
    if effort.most_labels:
        features = _Labelled(representations, (bank, test), labels, test_labels)
        _measure_curves(features, effort, seed, found)


@dataclass(frozen=True)
class _Labelled:
    """Features of labelled rows for linear readouts and for neighbours, (bank, test) each, and their labels."""

    representations: list[Pair]
    whitened: Pair
    labels: np.ndarray
    test_labels: np.ndarray


def _measure_curves(rows: _Labelled, effort: Effort, seed: int, found: Measured) -> None:
    """Measure accuracy against labels per class for linear readouts and neighbours."""
    metric, (bank, test) = Accuracy(), rows.whitened
    labels, test_labels, representations = rows.labels, rows.test_labels, rows.representations
    curve, knn_curve = {}, {}
    for count in label_counts(labels, effort.most_labels):
        # Large draws differ little from each other.
        several = effort.draws if count * len(np.unique(labels)) <= MANY else 2
        draws = [draw_rows(labels, count, seed + draw) for draw in range(several)]
        predictions = choose_linear(representations, labels, draws[0], seed).predict(labels, draws)
        curve[str(count)] = [metric.of(test_labels, each) for each in predictions]
        voting = neighbours(min(NEIGHBOURS, count))
        knn_curve[str(count)] = [
            metric.of(test_labels, voting.fit(bank[drawn], labels[drawn]).predict(test)) for drawn in draws
        ]
    curve["all"] = [metric.of(test_labels, each) for each in found.arrays["linear"]]
    knn_curve["all"] = [metric.of(test_labels, each) for each in found.arrays["knn"]]
    found.figures |= {"curve": curve, "knn_curve": knn_curve}


def _principal(bank: np.ndarray, test: np.ndarray, seed: int) -> Pair:
    """Return at most 512 principal components, on which logistic regression converges ten times faster."""
    learned_from = bank[:MOST_WHITENED_FROM]
    pca = PCA(min(MOST_COMPONENTS, *learned_from.shape), random_state=seed).fit(learned_from)
    return pca.transform(bank), pca.transform(test)


def _clustered(choice: FeatureChoice, pair: Pair, rows: MeasuredRows) -> Any:
    """Return the features of the rows to cluster."""
    bank, test = pair
    if issparse(bank):
        return sparse_vstack([bank, test]).tocsr() if rows.all_clustered else test
    wanted = np.concatenate([bank, test]) if rows.all_clustered else test
    return wanted if taken_as_they_are(choice.variant, bank) else whiten(bank, wanted, choice.power)[1]


def _supported_number(points: Any, seed: int) -> int:
    """Return the number of clusters that the rows themselves support best."""
    if isinstance(points, csr_matrix) or points.shape[0] < 2 * USUAL_NUMBER or alike(points):
        return min(USUAL_NUMBER, points.shape[0])
    return choose_clusters(points, usual_counts(len(points)), seed).chosen
