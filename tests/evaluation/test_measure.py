"""The one measuring path: structure is found, its absence too, all choices are made on the bank, and figures are metrics."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from made_up import blobs, rows_with
from scipy.sparse import csr_matrix

from hf_ssl.common.errors import UserError
from hf_ssl.evaluation.measure import Effort, measure
from hf_ssl.evaluation.measured_rows import Labelled
from hf_ssl.evaluation.metrics import Accuracy, AdjustedRandIndex, ClusterAccuracy, NormalizedMutualInformation

EFFORT = Effort(starts=2, draws=3, most_labels=20, all_methods=True)
LITTLE = Effort(starts=1, draws=2)
BANK = 400


def made(distance, unlabelled=0, tests=300, classes=3):
    """One set of features of 400 rows of bank and some test rows, moved away from the origin."""
    features, labels = blobs(BANK + tests, distance, 0, classes)
    features = (features + 1).astype(np.float32)
    known = np.where(np.arange(BANK) < unlabelled, -1, labels[:BANK])
    return {"only": (features[:BANK], features[BANK:])}, rows_with(known, labels[BANK:])


def variants(rows, *distances):
    """Several sets of features of the same rows, the more telling the larger the distance."""
    labels = np.concatenate([rows.bank.labels, rows.test.labels])
    found = {}
    for number, distance in enumerate(distances):
        noise = np.random.default_rng(number + 7).normal(size=(len(labels), 12))
        features = (np.eye(12)[labels] * distance + noise).astype(np.float32)
        found[f"variant {number}"] = features[:BANK], features[BANK:]
    return found


def test_structure_is_found_and_noise_is_not():
    features, rows = made(6.0)
    found = measure(features, rows, EFFORT, seed=0)
    figures, arrays = found.figures, found.arrays
    names = ["knn", "linear", "linear_100"]
    for name in [*(f"{name}_accuracy" for name in names), "kmeans_nmi", "kmeans_ari", "kmeans_accuracy"]:
        assert figures[name]["mean"] > 0.9, name
        assert figures[name]["low"] <= figures[name]["mean"] <= figures[name]["high"]
    assert figures["gaussian_mixture_nmi"]["mean"] > 0.9
    assert figures["hdbscan_clusters"] == 3
    assert set(figures["folds"]) == {*(f"{name}_accuracy" for name in names), "kmeans_nmi"}
    assert min(figures["folds"].values()) > 0.9
    assert figures["kmeans_clusters"] == 3
    assert arrays["kmeans"].shape == (2, 300)
    assert [arrays[name].shape for name in names] == [(1, 300), (1, 300), (3, 300)]
    assert list(figures["curve"]) == list(figures["knn_curve"]) == ["1", "2", "5", "10", "20", "all"]
    noise, rows = made(0.0)
    figures = measure(noise, rows, LITTLE, seed=0).figures
    assert figures["knn_accuracy"]["mean"] < 0.45
    assert figures["linear_accuracy"]["mean"] < 0.45
    assert figures["kmeans_nmi"]["mean"] < 0.05
    assert figures["folds"]["knn_accuracy"] < 0.45


@pytest.mark.parametrize("tests", [300, 120])
def test_every_figure_is_what_its_metric_says_of_the_predictions(tests):
    """With few test rows clusters are sought among all rows."""
    features, rows = made(1.5, unlabelled=40, tests=tests)
    found = measure(features, rows, replace(EFFORT, most_labels=0), seed=0)
    truth = rows.test.labels
    for name in ("knn", "linear", "linear_100"):
        values = [Accuracy().compute(predictions=each, references=truth)["accuracy"] for each in found.arrays[name]]
        assert found.figures[f"{name}_accuracy"]["mean"] == pytest.approx(np.mean(values), abs=1e-12)
        assert 0.4 < np.mean(values) < 1
    labels = rows.clustered.labels
    known = labels >= 0
    assert known.sum() == (tests if tests == 300 else tests + BANK - 40)
    metrics = {"nmi": NormalizedMutualInformation, "ari": AdjustedRandIndex, "accuracy": ClusterAccuracy}
    for method in ("kmeans", "gaussian_mixture", "hdbscan"):
        for name, metric in metrics.items():
            # Rows that belong to no cluster are one more.
            clusterings = found.arrays[method][:, known] - found.arrays[method].min()
            values = [
                next(iter(metric().compute(predictions=e, references=labels[known]).values())) for e in clusterings
            ]
            assert found.figures[f"{method}_{name}"]["mean"] == pytest.approx(np.mean(values), abs=1e-12)


@pytest.mark.parametrize("tests", [300, 120])
def test_exchanging_the_test_labels_changes_no_choice(tests):
    """With few test rows clusters are sought among all rows."""
    _, rows = made(1.0, tests=tests)
    features = variants(rows, 0.5, 3.0)
    exchanged = replace(rows, test=Labelled(rows.test.inputs, (rows.test.labels + 1) % 3))
    first, other = (measure(features, each, LITTLE, seed=0) for each in (rows, exchanged))
    for choice in ("folds", "neighbours_of", "clusters_of"):
        assert other.figures[choice] == first.figures[choice]
    assert all(np.array_equal(other.arrays[name], array) for name, array in first.arrays.items())
    assert other.figures["knn_accuracy"]["mean"] < first.figures["knn_accuracy"]["mean"] - 0.3  # they are looked at
    assert first.figures["neighbours_of"]["features"] == first.figures["clusters_of"]["features"] == "variant 1"
    # A control: labels of the bank make the choices.
    bank = Labelled(rows.bank.inputs, np.random.default_rng(2).permutation(rows.bank.labels))
    assert measure(features, replace(rows, bank=bank), LITTLE, seed=0).figures["folds"] != first.figures["folds"]


def test_rows_without_a_label_take_part_but_do_not_teach():
    features, rows = made(6.0, unlabelled=300)
    found = measure(features, rows, replace(LITTLE, most_labels=50), seed=0)
    assert len(rows.known) == 100
    assert found.figures["linear_accuracy"]["mean"] > 0.9
    assert "50" not in found.figures["curve"]
    # Whatever their features are, those of no label are no one's neighbours.
    bank, test = features["only"]
    bank = bank.copy()
    bank[:300] = test  # as near as can be
    moved = measure({"only": (bank, test)}, rows, LITTLE, seed=0)
    assert moved.figures["knn_accuracy"]["mean"] > 0.9


def test_the_same_seed_measures_the_same():
    features, rows = made(2.0)
    first, again, other = (measure(features, rows, LITTLE, seed).figures for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_without_labels_the_number_of_clusters_is_found_and_the_first_variant_is_taken():
    features, rows = made(6.0)
    features |= {"other": (features["only"][0][:, ::-1], features["only"][1][:, ::-1])}
    bank, test = (Labelled(part.inputs, np.full(len(part.inputs), -1)) for part in (rows.bank, rows.test))
    nameless = replace(rows, label_column=None, bank=bank, test=test, names=[])
    figures = measure(features, nameless, LITTLE, seed=0).figures
    assert figures["kmeans_clusters"] == 3
    assert figures["clusters_of"] == {"features": "only", "whitening": 0.25}
    assert figures["folds"] == {}
    assert not [name for name in figures if re.search("accuracy|nmi|ari", name)]


def test_a_number_of_clusters_may_be_asked_for():
    features, rows = made(6.0)
    assert measure(features, rows, replace(LITTLE, clusters=5), seed=0).figures["kmeans_clusters"] == 5


def test_sparse_features_are_measured_as_dense_ones_are():
    features, rows = made(6.0)
    sparse = {"words": tuple(csr_matrix(np.maximum(part - 1, 0)) for part in features["only"])}
    found = measure(sparse, rows, replace(LITTLE, all_methods=True), seed=0)
    for name in ("knn_accuracy", "linear_accuracy", "linear_100_accuracy", "kmeans_nmi"):
        assert found.figures[name]["mean"] > 0.9, name
    assert found.figures["neighbours_of"]["whitening"] == 0
    assert "clustered" not in found.arrays  # they have no directions
    assert "gaussian_mixture" not in found.arrays


def test_few_rows_rare_labels_and_identical_points_are_measured_all_the_same():
    features = np.vstack([np.zeros((40, 4)), np.eye(4), np.eye(4), np.eye(4)])
    labels = np.array([0] * 48 + [1, 1, 1, 2])
    rows = rows_with(labels, labels)
    figures = measure({"only": (features, features)}, rows, LITTLE, seed=0).figures
    means = [value["mean"] for value in figures.values() if isinstance(value, dict) and "mean" in value]
    assert len(means) == 5  # of fewer than a hundred rows there is no readout of a hundred labels
    assert np.isfinite(means).all()
    few = rows_with(labels[-20:], labels[-20:])  # too few to choose anything by
    figures = measure({"only": (features[-20:], features[-20:])}, few, LITTLE, seed=0).figures
    assert figures["folds"] == {}
    assert "knn_accuracy" not in figures


@pytest.mark.parametrize("labelled", [9, 10])
def test_too_few_labelled_test_rows_are_no_figure(labelled):
    features, rows = made(6.0)
    some = np.where(np.arange(300) < labelled, rows.test.labels, -1)
    figures = measure(features, replace(rows, test=Labelled(rows.test.inputs, some)), LITTLE, seed=0).figures
    assert ("knn_accuracy" in figures) == (labelled == 10)


@pytest.mark.parametrize("part", [0, 1])
def test_what_is_no_number_is_refused(part):
    features, rows = made(2.0)
    features["only"][part][5, 3] = np.nan
    with pytest.raises(UserError, match="1 of .* rows of features hold NaN or infinite values"):
        measure(features, rows, LITTLE, seed=0)


def test_the_linear_readout_sees_what_whitening_cut_off():
    """The smallest variance of 200 directions says the label: the first to be cut off."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=900)
    features = generator.normal(size=(900, 200))
    features[:, 0] = labels + 0.1 * generator.normal(size=900)
    pair = features[:600].astype(np.float32), features[600:].astype(np.float32)
    figures = measure({"all": pair}, rows_with(labels[:600], labels[600:]), LITTLE, seed=0).figures
    assert figures["linear_accuracy"]["mean"] > 0.9
    assert figures["knn_accuracy"]["mean"] < 0.65  # neighbours are looked for among whitened features


def test_clusters_get_their_own_whitening():
    """Two wide clusters beside many tiny directions of noise: whitening fully drowns them."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=1000)
    features = 0.01 * generator.normal(size=(1000, 60))
    features[:, 0] = 2 * labels - 1 + 0.05 * generator.normal(size=1000)
    pair = features[:600].astype(np.float32), features[600:].astype(np.float32)
    figures = measure({"all": pair}, rows_with(labels[:600], labels[600:]), LITTLE, seed=0).figures
    assert figures["clusters_of"]["whitening"] < 0.5
    assert figures["kmeans_accuracy"]["mean"] > 0.95
