"""The figures as `evaluate` metrics, offline."""

from __future__ import annotations

import itertools

import evaluate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, f1_score, normalized_mutual_info_score

from hf_ssl.evaluation.metrics import (
    AGREEMENTS,
    Accuracy,
    AdjustedRandIndex,
    ClusterAccuracy,
    MacroF1,
    NormalizedMutualInformation,
    cluster_accuracy,
)

ALL = (Accuracy, MacroF1, ClusterAccuracy, NormalizedMutualInformation, AdjustedRandIndex)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_cluster_accuracy_is_the_best_over_all_matchings(pairs):
    labels, clusters = (np.array(side) for side in zip(*pairs, strict=True))
    best = max(np.mean(np.array(matching)[clusters] == labels) for matching in itertools.permutations(range(4)))
    assert cluster_accuracy(labels, clusters) == pytest.approx(best)


def test_metrics_combine_and_agree_with_the_functions():
    metrics = evaluate.combine([metric() for metric in ALL])
    swapped = metrics.compute(predictions=[1, 1, 0, 0], references=[0, 0, 1, 1])
    assert swapped == {
        "accuracy": 0.0,
        "macro_f1": 0.0,
        "cluster_accuracy": 1.0,
        "nmi": pytest.approx(1),
        "ari": pytest.approx(1),
    }
    generator = np.random.default_rng(0)
    labels = generator.integers(4, size=200)
    found = np.where(generator.random(200) < 0.6, labels, generator.integers(4, size=200))
    assert metrics.compute(predictions=found, references=labels) == {
        "accuracy": pytest.approx(np.mean(found == labels)),
        "macro_f1": pytest.approx(f1_score(labels, found, average="macro")),
        "cluster_accuracy": pytest.approx(cluster_accuracy(labels, found)),
        "nmi": pytest.approx(normalized_mutual_info_score(labels, found)),
        "ari": pytest.approx(adjusted_rand_score(labels, found)),
    }


@pytest.mark.parametrize("metric", ALL)
def test_metrics_take_batches(metric):
    whole, parts = metric(), metric()
    expected = whole.compute(predictions=[0, 0, 1, 0, 2], references=[1, 1, 0, 0, 2])
    parts.add_batch(predictions=[0, 0], references=[1, 1])
    parts.add_batch(predictions=[1, 0], references=[0, 0])
    parts.add(prediction=2, reference=2)
    assert parts.compute() == expected
    assert expected == {metric.key: metric().of(np.array([1, 1, 0, 0, 2]), np.array([0, 0, 1, 0, 2]))}


def test_cluster_accuracy_of_batches_is_that_of_all_rows():
    metric = ClusterAccuracy()
    metric.add_batch(predictions=[0, 0], references=[1, 1])
    metric.add_batch(predictions=[1, 0], references=[0, 0])
    assert metric.compute() == {"cluster_accuracy": 0.75}


def test_metrics_say_what_they_are_and_write_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for metric in ALL:
        made = metric()
        made.compute(predictions=[0, 1], references=[0, 1])
        assert made.description
        assert made.features.keys() == {"predictions", "references"}
    assert not list(tmp_path.iterdir())
    assert set(AGREEMENTS) == {"nmi", "ari", "accuracy"}
