"""The project's metrics as `evaluate.Metric` classes: all reported figures come from them; they work offline."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import datasets
import evaluate
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import accuracy_score, adjusted_rand_score, f1_score, normalized_mutual_info_score


def cluster_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Return the accuracy under the best one-to-one matching of clusters and labels (Hungarian method, Kuhn 1955)."""
    table = np.zeros((labels.max() + 1, clusters.max() + 1))
    np.add.at(table, (labels, clusters), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(labels))


class LabelMetric(evaluate.Metric):
    """A metric of predicted against true labels, both integers from 0.

    Attributes:
        key: name of the value in the result of `compute`.
        score: (true, predicted) -> the value, computed by scikit-learn.
    """

    key: str
    score: Callable[[np.ndarray, np.ndarray], float]
    description = ""
    citation = ""

    def __init__(self) -> None:
        """Keep everything in memory, so that no files are written or shared between processes."""
        super().__init__(keep_in_memory=True)

    def _build_data_dir(self) -> str:
        """Make no folder below HF_HOME, which may be read-only: none is used."""
        return tempfile.gettempdir()

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.description,
            citation=self.citation,
            inputs_description="predictions, references: lists of integers of one length",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {self.key: float(self.score(np.asarray(references), np.asarray(predictions)))}

    def of(self, labels: np.ndarray, predictions: np.ndarray) -> float:
        """Return the value for one set of predictions."""
        found = self.compute(predictions=predictions, references=labels)
        assert found is not None, "every process computes its own"
        return float(found[self.key])


class Accuracy(LabelMetric):
    """Share of correct predictions."""

    key = "accuracy"
    score = staticmethod(accuracy_score)
    description = "Share of predictions that equal their reference."


class MacroF1(LabelMetric):
    """Mean over labels of the harmonic mean of precision and recall."""

    key = "macro_f1"
    score = staticmethod(lambda labels, found: f1_score(labels, found, average="macro", zero_division=0))
    description = "Unweighted mean over labels of the harmonic mean of precision and recall."


class ClusterAccuracy(LabelMetric):
    """Accuracy under the best one-to-one matching of clusters and labels."""

    key = "cluster_accuracy"
    score = staticmethod(cluster_accuracy)
    description = "Accuracy under the best one-to-one matching of clusters and labels (Hungarian method)."
    citation = "Kuhn, H. W. (1955). The Hungarian method for the assignment problem."


class NormalizedMutualInformation(LabelMetric):
    """Mutual information of clusters and labels over the mean of their entropies."""

    key = "nmi"
    score = staticmethod(normalized_mutual_info_score)
    description = "Mutual information of clusters and labels, normalised by the mean of their entropies."
    citation = "Strehl, A. and Ghosh, J. (2002). Cluster ensembles."


class AdjustedRandIndex(LabelMetric):
    """Agreement of clusters and labels over pairs of rows, corrected for chance."""

    key = "ari"
    score = staticmethod(adjusted_rand_score)
    description = "Share of pairs of rows that clusters and labels treat alike, corrected for chance."
    citation = "Hubert, L. and Arabie, P. (1985). Comparing partitions."


AGREEMENTS: dict[str, type[LabelMetric]] = {
    "nmi": NormalizedMutualInformation,
    "ari": AdjustedRandIndex,
    "accuracy": ClusterAccuracy,
}
