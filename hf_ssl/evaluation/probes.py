"""What frozen features are worth: nearest neighbours, a linear readout, clusters. scikit-learn computes."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from hf_ssl.evaluation.readout import MOST_FITTED, MOST_ROWS, Pair, Readout, neighbours
from hf_ssl.unsupervised.methods import kmeans

NEIGHBOURS = 20
DRAWS = 5
REGULARISATIONS = np.logspace(-4, 0, 5)
MOST_COMPONENTS = 512
MOST_CLUSTERED = 3000  # test rows


def measure_features(
    features: Readout, bank_labels: np.ndarray, test_labels: np.ndarray, seed: int
) -> dict[str, dict[str, Any]]:
    """kNN, linear and k-means figures of one set of features.

    Args:
        features: of the bank, which readouts are learned from, and of the test rows.
        bank_labels: int, shape (rows,).
        test_labels: int, shape (rows,).
        seed: of folds and restarts.

    Returns:
        For "knn_accuracy", "linear_accuracy", "kmeans_nmi", "kmeans_ari", "kmeans_accuracy": mean, std and values. The
        values of the readouts come from banks that leave out one fifth each, those of k-means from different starts: they
        show how much a figure depends on rows and starts, not on the seed of pretraining.
    """
    values: dict[str, list[float]] = {"linear_accuracy": []}
    bank, test = features.bank, features.test
    values["knn_accuracy"] = knn_accuracies(
        bank, bank_labels, test, test_labels, [k for k, _ in _folds(bank_labels, seed)]
    )
    (seen, unseen), strength = choose_linear(features, bank_labels, seed)
    for kept, _ in _folds(bank_labels, seed):
        values["linear_accuracy"].append(linear_accuracy(seen[kept], bank_labels[kept], unseen, test_labels, strength))
    points, classes = features.clustered[:MOST_CLUSTERED], test_labels[:MOST_CLUSTERED]
    clusterings = [kmeans(points, len(np.unique(bank_labels)), seed + draw) for draw in range(DRAWS)]
    scores: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "kmeans_nmi": normalized_mutual_info_score,
        "kmeans_ari": adjusted_rand_score,
        "kmeans_accuracy": cluster_accuracy,
    }
    for name, score in scores.items():
        values[name] = [float(score(classes, clusters)) for clusters in clusterings]
    return {name: summarise(numbers) for name, numbers in values.items()}


def summarise(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and the values themselves."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)), "values": values}


def knn_accuracy(bank: np.ndarray, bank_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Share of test rows whose 20 nearest bank rows (cosine) vote for their label."""
    readout = neighbours(min(NEIGHBOURS, len(bank)))
    return float(readout.fit(bank, bank_labels).score(test, test_labels))


def knn_accuracies(
    bank: np.ndarray, bank_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, banks: list[np.ndarray]
) -> list[float]:
    """`knn_accuracy` with several parts of the bank (indices), whose neighbours are looked up once.

    Three times as many are looked up as vote, so that enough are left when a part of the bank is not there.
    """
    nearest = NearestNeighbors(n_neighbors=min(3 * NEIGHBOURS, len(bank)), algorithm="brute").fit(normalize(bank))
    found = nearest.kneighbors(normalize(test), return_distance=False)
    accuracies = []
    for kept in banks:
        there = np.isin(np.arange(len(bank)), kept)[found]
        votes = there & (there.cumsum(1) <= NEIGHBOURS)
        counts = np.stack([(votes & (bank_labels[found] == label)).sum(1) for label in np.unique(bank_labels)], axis=1)
        accuracies.append(float((np.unique(bank_labels)[counts.argmax(1)] == test_labels).mean()))
    return accuracies


def choose_linear(features: Readout, labels: np.ndarray, seed: int) -> tuple[Pair, float]:
    """Features before or after whitening, and a regularisation: what does best on folds of the bank."""
    pairs = [principal(*features.plain, seed), (features.bank, features.test)]
    scored = [choose_regularisation(bank, labels, seed) for bank, _ in pairs]
    best = int(np.argmax([accuracy for _, accuracy in scored]))
    return pairs[best], scored[best][0]


def principal(bank: np.ndarray, test: np.ndarray, seed: int) -> Pair:
    """At most 512 principal components: a logistic regression converges on them in a tenth of the time."""
    learned_from = bank[:MOST_FITTED]
    pca = PCA(min(MOST_COMPONENTS, *learned_from.shape), random_state=seed).fit(learned_from)
    return pca.transform(bank), pca.transform(test)


def choose_regularisation(bank: np.ndarray, labels: np.ndarray, seed: int) -> tuple[float, float]:
    """The strength of the linear probe that does best on folds of the bank (of a large one, the first), and how well.

    Not on fewer rows: more of them need less regularisation.
    """
    folds = [(train, test) for train, test in _folds(labels, seed) if len(np.unique(labels[train])) > 1]
    several = folds[: 3 if len(bank) <= MOST_ROWS else 1]
    search = GridSearchCV(_linear(), {"logisticregression__C": REGULARISATIONS}, cv=several)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the weakest strengths; they are then not the best
        search.fit(bank.astype(np.float32), labels)
    return float(search.best_params_["logisticregression__C"]), float(search.best_score_)


def linear_accuracy(
    bank: np.ndarray, bank_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, strength: float
) -> float:
    """Share of test rows that a logistic regression on standardised features labels rightly."""
    readout = _linear().set_params(logisticregression__C=strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(readout.fit(bank.astype(np.float32), bank_labels).score(test.astype(np.float32), test_labels))


def cluster_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Accuracy under the best one-to-one matching of clusters and labels (Hungarian method, Kuhn 1955)."""
    table = np.zeros((labels.max() + 1, clusters.max() + 1))
    np.add.at(table, (labels, clusters), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(labels))


def _linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))


def _folds(labels: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Five folds, with all labels in each where every label has five rows."""
    kind = StratifiedKFold if np.bincount(labels)[np.unique(labels)].min() >= DRAWS else KFold
    yield from kind(DRAWS, shuffle=True, random_state=seed).split(labels, labels)
