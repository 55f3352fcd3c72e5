"""How many labels are needed: a readout learned from 1, 2, 5, 10, ... labels a class up to all."""

import warnings
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
STRENGTHS = (1.0, 10.0, 100.0)  # of inverse regularisation; features have length 1
USUAL_STRENGTH = 10.0  # where there are too few labels to choose by
FOLDS = 3
MOST_CHOSEN_ON = 1500  # rows

Representation = tuple[Any, Any]  # bank and test


def label_counts(labels: np.ndarray, most: int | None = None) -> list[int]:
    """Numbers of labels a class to try, below that of the second largest class: there "all" is another set.

    Args:
        labels: int, shape (rows,).
        most: number to end at.
    """
    second = int(np.sort(np.bincount(labels))[-2])
    return [count for count in COUNTS if count < second and (most is None or count <= most)]


def draw_rows(labels: np.ndarray, a_class: int, seed: int) -> np.ndarray:
    """Places of ``a_class`` rows of each class (all of those that have fewer), at random, in ascending order."""
    generator = np.random.default_rng((seed, a_class))
    chosen = []
    for label in np.unique(labels):
        there = np.flatnonzero(labels == label)
        chosen.append(generator.permutation(there)[:a_class])
    return np.sort(np.concatenate(chosen))


def draw_share(labels: np.ndarray, total: int, seed: int) -> np.ndarray:
    """Places of ``total`` rows, of each class as many as of any other, and one more of the first ones if need be."""
    classes = len(np.unique(labels))
    rows = draw_rows(labels, -(-total // classes), seed)
    surplus = max(0, len(rows) - total)
    by_class = [rows[labels[rows] == label] for label in np.unique(labels)]
    largest = sorted(range(len(by_class)), key=lambda place: -len(by_class[place]))[:surplus]
    return np.sort(np.concatenate([part[:-1] if place in largest else part for place, part in enumerate(by_class)]))


def linear_right(
    representation: Representation,
    strength: float,
    labels: np.ndarray,
    test_labels: np.ndarray,
    draws: list[np.ndarray],
) -> np.ndarray:
    """Which test rows a logistic regression on a few labelled rows labels rightly.

    Args:
        representation: of (bank, test): arrays or sparse matrices of shape (rows, dimensions); only directions count.
        strength: of inverse regularisation; see `choose_linear`.
        labels: int, of the bank.
        test_labels: int, of the test rows.
        draws: places of labelled rows in the bank.

    Returns:
        bool, shape (draws, test rows).
    """
    bank, test = representation
    right = []
    for rows in draws:
        few, used = _used_terms(bank[rows])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            readout = _readout(few, strength).fit(few, labels[rows])
        right.append(readout.predict(test if used is None else test[:, used]) == test_labels)
    return np.array(right)


def choose_linear(
    representations: list[Representation], labels: np.ndarray, rows: np.ndarray, seed: int
) -> tuple[Representation, float]:
    """A representation of the same rows and a strength: what does best on folds of the labelled rows.

    Args:
        representations: to choose from.
        labels: int, of the bank.
        rows: places of the labelled rows that may be looked at; of many a part is.
        seed: of the folds.
    """
    few = rows if len(rows) <= MOST_CHOSEN_ON else np.random.default_rng(seed).choice(rows, MOST_CHOSEN_ON, False)
    counts = np.bincount(labels[few])
    few = few[counts[labels[few]] >= 2]  # a label of one row is in no fold
    if len(np.unique(labels[few])) < 2:
        return representations[0], USUAL_STRENGTH
    best: tuple[float, int, float] = (-1.0, 0, USUAL_STRENGTH)
    for place, (bank, _) in enumerate(representations):
        # With more rows than dimensions regularisation hardly matters; of terms there are always more.
        chosen = rows[np.isin(labels[rows], labels[few])] if issparse(bank) else few
        smallest = int(np.bincount(labels[chosen])[np.unique(labels[chosen])].min())
        folds: Any = StratifiedKFold(min(FOLDS, smallest), shuffle=True, random_state=seed)
        if len(chosen) > MOST_CHOSEN_ON:
            folds = StratifiedShuffleSplit(1, test_size=1 / FOLDS, random_state=seed)
        features, _ = _used_terms(bank[chosen])
        for strength in STRENGTHS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                score = float(cross_val_score(_readout(features, strength), features, labels[chosen], cv=folds).mean())
            if score > best[0]:
                best = score, place, strength
    return representations[best[1]], best[2]


def _used_terms(features: Any) -> tuple[Any, np.ndarray | None]:
    """Of sparse features the columns in which anything stands: all others would get the weight 0, at great length."""
    if not issparse(features):
        return features, None
    words: Any = features
    used = np.unique(words.indices)
    return words[:, used], used


def _readout(features: Any, strength: float) -> Any:
    if issparse(features):  # a fiftieth of the time, and no worse
        one = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=0)
        return make_pipeline(Normalizer(), OneVsRestClassifier(one))
    return make_pipeline(Normalizer(), LogisticRegression(C=strength, max_iter=200, tol=1e-3))
