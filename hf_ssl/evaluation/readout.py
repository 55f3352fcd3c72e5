"""From hidden layers to features: which layer and how much whitening, chosen on the bank alone for every set of features."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, normalize

from hf_ssl.unsupervised.features import alike

MOST_DIMENSIONS = 128
POWERS = (0.0, 0.25, 0.5)  # 0: rotated only; 0.5: fully whitened
MOST_ROWS = 4000  # that choices are made on
FEW_ROWS = 2000  # that are clustered to choose
MOST_FITTED = 8000  # that directions are learned from
AS_THEY_ARE = "as they are"
CLUSTERED_ROWS = 5000  # to choose what is clustered: with 2,000 the choice is a matter of luck
CLEARLY = 0.05  # of normalised mutual information
Pair = tuple[Any, Any]  # bank and test: arrays, or sparse matrices of words


@dataclass(frozen=True)
class Readout:
    """Features ready to be measured.

    Attributes:
        bank: float32, shape (rows, dimensions): whitened, for distances.
        test: float32, shape (rows, dimensions).
        plain: bank and test before that, with all dimensions, for the linear readout.
        clustered: float32, shape (test rows, dimensions): whitened for clusters, which need less of it.
        choice: what was chosen, for the record.
    """

    bank: np.ndarray
    test: np.ndarray
    plain: Pair
    clustered: np.ndarray
    choice: dict[str, Any]


def best_readout(candidates: dict[str, Pair], labels: np.ndarray) -> Readout:
    """Choose among sets of features and whitening powers by kNN accuracy on three folds of (at most 4,000 rows of) the bank.

    Rows whose label is -1 have none: directions are learned from them too.

    For clusters the power is chosen again, by how well clusters of 2,000 rows of the bank fit their labels: what is best for
    neighbours may ruin them. Every method gets the same choice, the untrained network and the baselines too.

    Args:
        candidates: name (of a layer, a dimension) -> (bank, test) features. Features whose name ends with "as they are", and
            sparse ones, are taken so.
        labels: int, shape (bank rows,).
    """
    best: tuple[float, str, float | None] | None = None
    known = np.flatnonzero(labels >= 0)[:MOST_ROWS]
    few_known = known[:FEW_ROWS]
    for name, (bank, _) in candidates.items():
        for power in (None,) if taken_as_they_are(name, bank) else POWERS:
            few = bank[known] if power is None else whiten(bank, bank[known], power)[1]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of labels that are not in every fold
                accuracy = float(np.mean(cross_val_score(neighbours(5), few, labels[known], cv=3)))
            if best is None or accuracy > best[0]:
                best = accuracy, name, power
    assert best is not None, "no candidates"
    _, name, power = best
    plain = candidates[name]
    if power is None:
        return Readout(*plain, plain, plain[1], {"features": name, "whitening": 0.0, "whitening_for_clusters": 0.0})
    bank, test = whiten(*plain, power)
    mild = max(POWERS, key=lambda each: _agreement(whiten(plain[0], plain[0][few_known], each)[1], labels[few_known]))
    choice = {"features": name, "whitening": power, "whitening_for_clusters": mild}
    return Readout(bank, test, plain, whiten(*plain, mild)[1], choice)


def taken_as_they_are(name: str, features: Any) -> bool:
    """Whether features are neither rotated nor whitened: sparse ones, and those whose name says so."""
    return name.endswith(AS_THEY_ARE) or issparse(features)


def choose_for_clusters(candidates: dict[str, Pair], labels: np.ndarray) -> tuple[str, float]:
    """Features and a whitening power for clusters alone: those whose clusters of 5,000 rows of the bank fit their labels best.

    Args:
        candidates: as for `best_readout`; sparse ones and those "as they are" are not whitened.
        labels: int, shape (bank rows,); -1 is none.

    Returns:
        Name of the features, and the power.
    """
    known = np.flatnonzero(labels >= 0)[:CLUSTERED_ROWS]
    best: tuple[float, str, float] = (-1.0, "", 0.0)
    for name, (bank, _) in candidates.items():
        for power in (0.0,) if taken_as_they_are(name, bank) else POWERS:
            few = bank[known] if taken_as_they_are(name, bank) else whiten(bank, bank[known], power)[1]
            # Whitening must be clearly better: what little it gains on some rows, clusters of other rows may lose.
            agreement = _agreement(few, labels[known]) - (CLEARLY if power else 0)
            if agreement > best[0]:
                best = agreement, name, power
    return best[1], best[2]


def _agreement(features: np.ndarray, labels: np.ndarray) -> float:
    """How well clusters of some rows of the bank fit their labels (normalised mutual information)."""
    clusters = KMeans(min(len(np.unique(labels)), features.shape[0]), n_init=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        return float(normalized_mutual_info_score(labels, clusters.fit_predict(normalize(features))))


def neighbours(count: int) -> Pipeline:
    """Nearest neighbours by cosine: the Euclidean ones of vectors of length 1, which scikit-learn finds much faster."""
    return make_pipeline(Normalizer(), KNeighborsClassifier(count, algorithm="brute"))


def whiten(bank: np.ndarray, test: np.ndarray, power: float) -> Pair:
    """Rotate to principal components of the bank and divide each by its variance to a power; at most 128 dimensions."""
    directions = whitening(bank, power)
    if directions is None:
        return bank, test
    mean, matrix = directions
    return (bank - mean) @ matrix, (test - mean) @ matrix


def whitening(bank: np.ndarray, power: float) -> Pair | None:
    """What `whiten` subtracts and multiplies by: shapes (dimensions,) and (dimensions, components); None where rows are alike."""
    learned_from = bank[:MOST_FITTED]
    if alike(learned_from):  # there are no directions
        return None
    rows, columns = learned_from.shape
    solver = "covariance_eigh" if rows >= columns else "full"
    pca = PCA(min(MOST_DIMENSIONS, rows, columns), svd_solver=solver).fit(learned_from)
    variance = pca.explained_variance_
    kept = variance > variance[0] * 1e-6
    scale = (variance[kept] ** -power).astype(np.float32)
    return pca.mean_, (pca.components_[kept].T * scale).astype(bank.dtype)
