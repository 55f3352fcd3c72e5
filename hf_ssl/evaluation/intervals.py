"""95 % bootstrap intervals (Efron 1979); test rows and draws are resampled together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hf_ssl.evaluation.metrics import Accuracy, LabelMetric

RESAMPLES = 1000
RESAMPLES_OF_CLUSTERS = 200  # each needs a contingency table
EDGES = (2.5, 97.5)


@dataclass(frozen=True)
class Draws:
    """Several predictions of the same rows.

    Attributes:
        labels: true labels, int, shape (rows,).
        predictions: int, shape (draws, rows); one draw per labelled subset, k-means start or pretraining seed.
    """

    labels: np.ndarray
    predictions: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Return which predictions are correct: bool, shape (draws, rows)."""
        return np.asarray(self.predictions == self.labels)

    def mean(self, metric: LabelMetric) -> float:
        """Return a metric averaged over the draws."""
        return float(np.mean([metric.of(self.labels, each) for each in self.predictions]))


def accuracy_interval(draws: Draws, seed: int) -> dict[str, float]:
    """Return the mean accuracy and its interval: "mean", "low", "high"; ``seed`` is for the resampling."""
    return _summary(draws.mean(Accuracy()), _resampled_means(draws.right, seed))


def accuracy_difference(draws: Draws, others: Draws, seed: int) -> dict[str, float]:
    """Return the accuracy of the first minus that of the others on the same rows; see `accuracy_interval`."""
    metric = Accuracy()
    # The same seed resamples the same rows.
    differences = _resampled_means(draws.right, seed) - _resampled_means(others.right, seed)
    return _summary(draws.mean(metric) - others.mean(metric), differences)


def agreement_interval(metric: LabelMetric, draws: Draws, seed: int) -> dict[str, float]:
    """Return the mean agreement of clusterings with labels and its interval; see `accuracy_interval`."""
    generator = np.random.default_rng(seed)
    scores = []
    for number in range(RESAMPLES_OF_CLUSTERS):
        rows = generator.integers(len(draws.labels), size=len(draws.labels))
        chosen = draws.predictions[number % len(draws.predictions)]
        scores.append(metric.score(draws.labels[rows], chosen[rows]))
    return _centred(draws.mean(metric), np.array(scores))


def agreement_difference(metric: LabelMetric, draws: Draws, others: Draws, seed: int) -> dict[str, float]:
    """Return the agreement of the first clusterings minus that of the others; see `accuracy_interval`."""
    generator = np.random.default_rng(seed)
    differences = []
    for number in range(RESAMPLES_OF_CLUSTERS):
        rows = generator.integers(len(draws.labels), size=len(draws.labels))
        mine = draws.predictions[number % len(draws.predictions)][rows]
        other = others.predictions[(number // 7) % len(others.predictions)][rows]
        differences.append(metric.score(draws.labels[rows], mine) - metric.score(draws.labels[rows], other))
    return _centred(draws.mean(metric) - others.mean(metric), np.array(differences))


def _centred(mean: float, resampled: np.ndarray) -> dict[str, float]:
    """Correct the bias of resampling: rows that are drawn twice always agree with each other."""
    return _summary(mean, resampled - resampled.mean() + mean)


def _resampled_means(right: np.ndarray, seed: int) -> np.ndarray:
    """Return means over resampled rows and one draw each: shape (RESAMPLES,)."""
    draws, rows = right.shape
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES).astype(np.float32)
    means = counts @ right.T.astype(np.float32) / rows
    return np.asarray(means[np.arange(RESAMPLES), generator.integers(draws, size=RESAMPLES)])


def _summary(mean: float, resampled: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(resampled, EDGES)
    return {"mean": mean, "low": float(low), "high": float(high)}
