"""The figures as `evaluate` metrics, offline."""

import evaluate
import pytest

from hf_ssl.evaluation.metrics import Accuracy, AdjustedRandIndex, ClusterAccuracy, NormalizedMutualInformation


def test_metrics_combine_and_agree_with_the_functions():
    metrics = evaluate.combine([Accuracy(), ClusterAccuracy(), NormalizedMutualInformation(), AdjustedRandIndex()])
    swapped = metrics.compute(predictions=[1, 1, 0, 0], references=[0, 0, 1, 1])
    assert swapped == {"accuracy": 0.0, "cluster_accuracy": 1.0, "nmi": pytest.approx(1), "ari": pytest.approx(1)}


def test_metrics_take_batches():
    metric = ClusterAccuracy()
    metric.add_batch(predictions=[0, 0], references=[1, 1])
    metric.add_batch(predictions=[1, 0], references=[0, 0])
    assert metric.compute() == {"cluster_accuracy": 0.75}
