"""The project's figures as `evaluate.Metric` classes, for those who combine metrics; they work offline."""

from typing import Any

import datasets
import evaluate
import numpy as np
from sklearn.metrics import accuracy_score, adjusted_rand_score, normalized_mutual_info_score

from hf_ssl.evaluation.probes import cluster_accuracy


class _LabelMetric(evaluate.Metric):
    """A figure of predicted against true labels (both integers)."""

    description = ""
    citation = ""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.description,
            citation=self.citation,
            inputs_description="predictions, references: lists of integers of one length",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )


class Accuracy(_LabelMetric):
    """Share of labels (or hidden tokens) predicted rightly."""

    description = "Share of predictions that equal their reference."

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"accuracy": float(accuracy_score(references, predictions))}


class ClusterAccuracy(_LabelMetric):
    """Accuracy under the best one-to-one matching of clusters and labels."""

    description = "Accuracy under the best one-to-one matching of clusters and labels (Hungarian method)."
    citation = "Kuhn, H. W. (1955). The Hungarian method for the assignment problem."

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"cluster_accuracy": cluster_accuracy(np.asarray(references), np.asarray(predictions))}


class NormalizedMutualInformation(_LabelMetric):
    """Mutual information of clusters and labels over the mean of their entropies."""

    description = "Mutual information of clusters and labels, normalised by the mean of their entropies."
    citation = "Strehl, A. and Ghosh, J. (2002). Cluster ensembles."

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"nmi": float(normalized_mutual_info_score(references, predictions))}


class AdjustedRandIndex(_LabelMetric):
    """Agreement of clusters and labels over pairs of rows, corrected for chance."""

    description = "Share of pairs of rows that clusters and labels treat alike, corrected for chance."
    citation = "Hubert, L. and Arabie, P. (1985). Comparing partitions."

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"ari": float(adjusted_rand_score(references, predictions))}
