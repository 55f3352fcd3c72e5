"""From hidden layers to features: layer and whitening are chosen on the bank alone, for every set of features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, normalize

from hf_ssl.common.quiet import without_advice
from hf_ssl.modalities.baseline import AS_THEY_ARE
from hf_ssl.unsupervised.features import whiten

NEIGHBOURS = 20
POWERS = (0.0, 0.25, 0.5)  # 0: rotated only; 0.5: fully whitened
MOST_ROWS = 4000  # to choose on
CLUSTERED_ROWS = 5000  # to choose features for clusters: on 2,000 the choice is mostly chance
CLEARLY = 0.05  # of normalised mutual information
Pair = tuple[Any, Any]  # bank and test: arrays, or sparse matrices of words


@dataclass(frozen=True)
class FeatureChoice:
    """The features that did best on folds of the bank.

    Attributes:
        variant: name of the features.
        power: whitening power; 0 only rotates, and features "as they are" are not even rotated.
        score: score on the folds.
    """

    variant: str
    power: float
    score: float


def taken_as_they_are(name: str, features: Any) -> bool:
    """Return whether features are neither rotated nor whitened: sparse ones, and those whose name says so."""
    return name.endswith(AS_THEY_ARE) or issparse(features)


def choose_for_neighbours(candidates: dict[str, Pair], labels: np.ndarray) -> FeatureChoice:
    """Choose features and a whitening power by kNN accuracy on three folds of (at most 4,000 labelled rows of) the bank.

    Args:
        candidates: variant (a layer, a dimension) -> (bank, test) features.
        labels: int, shape (bank rows,), -1 for none; whitening is fitted on rows without a label too.
    """
    known = np.flatnonzero(labels >= 0)[:MOST_ROWS]
    best = FeatureChoice("", 0.0, -1.0)
    for name, power, few in _variants(candidates, known):
        with without_advice():  # about labels that are not in every fold
            accuracy = float(np.mean(cross_val_score(neighbours(5), few, labels[known], cv=3)))
        if accuracy > best.score:
            best = FeatureChoice(name, power, accuracy)
    return best


def choose_for_clusters(candidates: dict[str, Pair], labels: np.ndarray) -> FeatureChoice:
    """Choose features and a whitening power for clusters: those whose clusters of the bank agree best with its labels.

    The choice is separate because the best features for neighbours may be poor for clusters; see `choose_for_neighbours`.
    """
    known = np.flatnonzero(labels >= 0)[:CLUSTERED_ROWS]
    best, bar = FeatureChoice("", 0.0, -1.0), -1.0
    for name, power, few in _variants(candidates, known):
        agreement = _agreement(few, labels[known])
        # Whitening must be clearly better: small gains on some rows may be losses on others.
        handicapped = agreement - (CLEARLY if power else 0)
        if handicapped > bar:
            best, bar = FeatureChoice(name, power, agreement), handicapped
    return best


def applied(choice: FeatureChoice, pair: Pair) -> Pair:
    """Return the chosen features of bank and test, rotated and whitened as chosen."""
    return pair if taken_as_they_are(choice.variant, pair[0]) else whiten(*pair, choice.power)


def neighbours(count: int) -> Pipeline:
    """Return a cosine kNN classifier, as Euclidean kNN on unit vectors, which is much faster in scikit-learn."""
    return make_pipeline(Normalizer(), KNeighborsClassifier(count, algorithm="brute"))


def _variants(candidates: dict[str, Pair], known: np.ndarray) -> Iterator[tuple[str, float, Any]]:
    """Yield each variant with each power, and its features of the ``known`` rows of the bank."""
    for name, (bank, _) in candidates.items():
        if taken_as_they_are(name, bank):
            yield name, 0.0, bank[known]
        else:
            for power in POWERS:
                yield name, power, whiten(bank, bank[known], power)[1]


def _agreement(features: Any, labels: np.ndarray) -> float:
    """Return how well clusters of some bank rows agree with their labels (normalised mutual information)."""
    clusters = KMeans(min(len(np.unique(labels)), features.shape[0]), n_init=3, random_state=0)
    with without_advice():  # about fewer distinct points than clusters
        return float(normalized_mutual_info_score(labels, clusters.fit_predict(normalize(features))))
