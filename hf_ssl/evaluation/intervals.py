"""How sure a figure is: 95 % intervals over test rows and draws (bootstrap: Efron 1979), in one resampling of both."""

from collections.abc import Callable
from typing import Any

import numpy as np

RESAMPLES = 1000
RESAMPLES_OF_CLUSTERS = 200  # each costs a table
EDGES = (2.5, 97.5)


def accuracy_interval(right: np.ndarray, seed: int) -> dict[str, float]:
    """Mean accuracy and its interval.

    Args:
        right: bool or 0 and 1, shape (draws, test rows): what each draw (of labels, of a start, of a pretraining seed) labelled
            rightly.
        seed: of the resampling.

    Returns:
        "mean", "low", "high".
    """
    return _summary(float(right.mean()), _resampled_means(right, seed))


def difference_interval(right: np.ndarray, other: np.ndarray, seed: int) -> dict[str, float]:
    """How much more often the first is right than the other, on the same rows; see `accuracy_interval`."""
    differences = _resampled_means(right, seed) - _resampled_means(other, seed)  # the same rows, by the same seed
    return _summary(float(right.mean() - other.mean()), differences)


def agreement_interval(
    score: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, clusterings: np.ndarray, seed: int
) -> dict[str, float]:
    """Mean agreement of clusterings with labels and its interval.

    Args:
        score: of (labels, clusters).
        labels: int, shape (rows,).
        clusterings: int, shape (draws, rows).
        seed: of the resampling.
    """
    generator = np.random.default_rng(seed)
    scores = []
    for number in range(RESAMPLES_OF_CLUSTERS):
        rows = generator.integers(len(labels), size=len(labels))
        scores.append(score(labels[rows], clusterings[number % len(clusterings)][rows]))
    return _centred(float(np.mean([score(labels, clusters) for clusters in clusterings])), np.array(scores))


def agreement_difference(
    score: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    clusterings: np.ndarray,
    others: np.ndarray,
    seed: int,
) -> dict[str, float]:
    """How much better clusterings agree with labels than others of the same rows; see `agreement_interval`."""
    generator = np.random.default_rng(seed)
    differences = []
    for number in range(RESAMPLES_OF_CLUSTERS):
        rows = generator.integers(len(labels), size=len(labels))
        known = labels[rows]
        mine, other = clusterings[number % len(clusterings)][rows], others[(number // 7) % len(others)][rows]
        differences.append(score(known, mine) - score(known, other))
    means = [float(np.mean([score(labels, clusters) for clusters in several])) for several in (clusterings, others)]
    return _centred(means[0] - means[1], np.array(differences))


def _centred(mean: float, resampled: np.ndarray) -> dict[str, float]:
    """Rows that are drawn twice always agree with each other, which raises the agreement: that much is taken off again."""
    return _summary(mean, resampled - resampled.mean() + mean)


def _resampled_means(right: np.ndarray, seed: int) -> np.ndarray:
    """Means over resampled rows and one draw each: shape (RESAMPLES,)."""
    draws, rows = right.shape
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES).astype(np.float32)
    means = counts @ right.T.astype(np.float32) / rows
    return np.asarray(means[np.arange(RESAMPLES), generator.integers(draws, size=RESAMPLES)])


def _summary(mean: float, resampled: np.ndarray) -> dict[str, Any]:
    low, high = np.percentile(resampled, EDGES)
    return {"mean": mean, "low": float(low), "high": float(high)}
