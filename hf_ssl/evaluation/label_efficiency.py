"""Label efficiency: readouts fitted on 1, 2, 5, 10, ... labels per class, up to all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from hf_ssl.common.quiet import without_advice

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation; features have unit length
USUAL_STRENGTH = 10.0  # if there are too few labels to choose
FOLDS = 3
MOST_CHOSEN_ON = 1500  # rows to choose on

Representation = tuple[Any, Any]  # bank and test


def label_counts(labels: np.ndarray, most: int | None = None) -> list[int]:
    """Return the label counts per class to try, below the size of the second largest class, where "all" still differs.

    Args:
        labels: int, shape (rows,).
        most: largest count.
    """
    second = int(np.sort(np.bincount(labels))[-2])
    return [count for count in COUNTS if count < second and (most is None or count <= most)]


def draw_rows(labels: np.ndarray, a_class: int, seed: int) -> np.ndarray:
    """Return sorted indices of ``a_class`` random rows of each class (all rows of smaller classes)."""
    generator = np.random.default_rng((seed, a_class))
    chosen = []
    for label in np.unique(labels):
        there = np.flatnonzero(labels == label)
        chosen.append(generator.permutation(there)[:a_class])
    return np.sort(np.concatenate(chosen))


def draw_share(labels: np.ndarray, total: int, seed: int) -> np.ndarray:
    """Return sorted indices of ``total`` random rows, spread over the classes as evenly as possible."""
    classes = len(np.unique(labels))
    rows = draw_rows(labels, -(-total // classes), seed)
    surplus = max(0, len(rows) - total)
    by_class = [rows[labels[rows] == label] for label in np.unique(labels)]
    largest = sorted(range(len(by_class)), key=lambda place: -len(by_class[place]))[:surplus]
    return np.sort(np.concatenate([part[:-1] if place in largest else part for place, part in enumerate(by_class)]))


@dataclass(frozen=True)
class LinearReadout:
    """A logistic regression on one representation of the rows.

    Attributes:
        bank: features, an array or a sparse matrix of shape (rows, dimensions); rows are normalised.
        test: features of the test rows.
        strength: inverse regularisation.
        score: accuracy on the folds that chose it.
    """

    bank: Any
    test: Any
    strength: float
    score: float

    def predict(self, labels: np.ndarray, draws: list[np.ndarray]) -> np.ndarray:
        """Fit on a few labelled rows and predict the labels of the test rows.

        Args:
            labels: int, labels of the bank.
            draws: indices of labelled rows in the bank.

        Returns:
            Int, shape (draws, test rows).
        """
        found = []
        for rows in draws:
            few, used = _used_terms(self.bank[rows])
            with without_advice():
                readout = _readout(few, self.strength).fit(few, labels[rows])
            found.append(readout.predict(self.test if used is None else self.test[:, used]))
        return np.array(found)


def choose_linear(
    representations: list[Representation], labels: np.ndarray, rows: np.ndarray, seed: int
) -> LinearReadout:
    """Choose the representation and the strength that do best on folds of the labelled rows.

    Args:
        representations: (bank, test) to choose from.
        labels: int, labels of the bank.
        rows: indices of the labelled rows to use; many are subsampled.
        seed: seed of the folds.
    """
    few = rows if len(rows) <= MOST_CHOSEN_ON else np.random.default_rng(seed).choice(rows, MOST_CHOSEN_ON, False)
    counts = np.bincount(labels[few])
    few = few[counts[labels[few]] >= 2]  # folds need two rows per label
    if len(np.unique(labels[few])) < 2:
        return LinearReadout(*representations[0], USUAL_STRENGTH, 0.0)
    best = LinearReadout(*representations[0], USUAL_STRENGTH, -1.0)
    for bank, test in representations:
        # With more rows than dimensions regularisation hardly matters; terms always outnumber rows.
        chosen = rows[np.isin(labels[rows], labels[few])] if issparse(bank) else few
        smallest = int(np.bincount(labels[chosen])[np.unique(labels[chosen])].min())
        folds: Any = StratifiedKFold(min(FOLDS, smallest), shuffle=True, random_state=seed)
        if len(chosen) > MOST_CHOSEN_ON:
            folds = StratifiedShuffleSplit(1, test_size=1 / FOLDS, random_state=seed)
        features, _ = _used_terms(bank[chosen])
        for strength in STRENGTHS:
            with without_advice():
                score = float(cross_val_score(_readout(features, strength), features, labels[chosen], cv=folds).mean())
            if score > best.score:
                best = LinearReadout(bank, test, strength, score)
    return best


def _used_terms(features: Any) -> tuple[Any, np.ndarray | None]:
    """Return the nonzero columns of sparse features, and which they are: fitting the others would only take time."""
    if not issparse(features):
        return features, None
    words: Any = features
    used = np.unique(words.indices)
    return words[:, used], used


def _readout(features: Any, strength: float) -> Any:
    if issparse(features):  # 50 times faster and no worse
        one = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=0)
        return make_pipeline(Normalizer(), OneVsRestClassifier(one))
    return make_pipeline(Normalizer(), LogisticRegression(C=strength, max_iter=200, tol=1e-3))
