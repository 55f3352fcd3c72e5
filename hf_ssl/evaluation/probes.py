"""What frozen features are worth: nearest neighbours, a linear readout, clusters. scikit-learn computes."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

NEIGHBOURS = 20
DRAWS = 5
REGULARISATIONS = np.logspace(-3, 1, 5)


def measure_features(
    bank: np.ndarray, bank_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, seed: int
) -> dict[str, dict[str, Any]]:
    """kNN, linear and k-means figures of one set of features.

    Args:
        bank: float, shape (rows, dimensions): what readouts are learned from.
        bank_labels: int, shape (rows,).
        test: float, shape (rows, dimensions).
        test_labels: int, shape (rows,).
        seed: of folds and restarts.

    Returns:
        For "knn_accuracy", "linear_accuracy", "kmeans_nmi", "kmeans_ari", "kmeans_accuracy": mean, std and values. The
        values of the readouts come from banks that leave out one fifth each, those of k-means from different starts: they
        show how much a figure depends on rows and starts, not on the seed of pretraining.
    """
    values: dict[str, list[float]] = {"knn_accuracy": [], "linear_accuracy": []}
    strength = choose_regularisation(bank, bank_labels, seed)
    for kept, _ in _folds(bank_labels, seed):
        values["knn_accuracy"].append(knn_accuracy(bank[kept], bank_labels[kept], test, test_labels))
        values["linear_accuracy"].append(linear_accuracy(bank[kept], bank_labels[kept], test, test_labels, strength))
    clusterings = [kmeans(test, len(np.unique(bank_labels)), seed + draw) for draw in range(DRAWS)]
    scores: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "kmeans_nmi": normalized_mutual_info_score,
        "kmeans_ari": adjusted_rand_score,
        "kmeans_accuracy": cluster_accuracy,
    }
    for name, score in scores.items():
        values[name] = [float(score(test_labels, clusters)) for clusters in clusterings]
    return {name: summarise(numbers) for name, numbers in values.items()}


def summarise(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and the values themselves."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)), "values": values}


def knn_accuracy(bank: np.ndarray, bank_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Share of test rows whose 20 nearest bank rows (cosine) vote for their label."""
    readout = KNeighborsClassifier(min(NEIGHBOURS, len(bank)), metric="cosine")
    return float(readout.fit(bank, bank_labels).score(test, test_labels))


def choose_regularisation(bank: np.ndarray, labels: np.ndarray, seed: int) -> float:
    """The strength of the linear probe that does best on folds of the bank."""
    folds = [(train, test) for train, test in _folds(labels, seed) if len(np.unique(labels[train])) > 1][:3]
    search = GridSearchCV(_linear(), {"logisticregression__C": REGULARISATIONS}, cv=folds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the weakest strengths; they are then not the best
        return float(search.fit(bank, labels).best_params_["logisticregression__C"])


def linear_accuracy(
    bank: np.ndarray, bank_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, strength: float
) -> float:
    """Share of test rows that a logistic regression on standardised features labels rightly."""
    readout = _linear().set_params(logisticregression__C=strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(readout.fit(bank, bank_labels).score(test, test_labels))


def kmeans(features: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Spherical k-means, the best of 10 starts: int32 cluster of each row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        found = KMeans(min(clusters, len(features)), n_init=10, random_state=seed).fit_predict(normalize(features))
    return np.asarray(found)


def cluster_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Accuracy under the best one-to-one matching of clusters and labels (Hungarian method, Kuhn 1955)."""
    table = np.zeros((labels.max() + 1, clusters.max() + 1))
    np.add.at(table, (labels, clusters), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(labels))


def _linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))


def _folds(labels: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Five folds, with all labels in each where every label has five rows."""
    kind = StratifiedKFold if np.bincount(labels)[np.unique(labels)].min() >= DRAWS else KFold
    yield from kind(DRAWS, shuffle=True, random_state=seed).split(labels, labels)
