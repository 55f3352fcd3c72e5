"""Readouts against hand-made cases and slow definitions."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.evaluation.probes import (
    REGULARISATIONS,
    choose_linear,
    choose_regularisation,
    cluster_accuracy,
    kmeans,
    knn_accuracies,
    knn_accuracy,
    linear_accuracy,
    measure_features,
)
from hf_ssl.evaluation.readout import AS_THEY_ARE, Readout, best_readout, whiten

FIGURES = {"knn_accuracy", "linear_accuracy", "kmeans_nmi", "kmeans_ari", "kmeans_accuracy"}


def blobs(rows: int, distance: float, seed: int, classes: int = 3, dimensions: int = 8):
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=rows)
    return np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions)), labels


def measured(bank, bank_labels, test, test_labels):
    return measure_features(Readout(bank, test, (bank, test), test, {}), bank_labels, test_labels, seed=0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_cluster_accuracy_is_the_best_over_all_matchings(pairs):
    labels, clusters = (np.array(side) for side in zip(*pairs, strict=True))
    best = max(np.mean(np.array(matching)[clusters] == labels) for matching in itertools.permutations(range(4)))
    assert cluster_accuracy(labels, clusters) == pytest.approx(best)


def test_knn_against_its_definition():
    bank, bank_labels = blobs(200, 2, 0)
    test, test_labels = blobs(50, 2, 1)
    similarity = test @ bank.T / np.linalg.norm(test, axis=1)[:, None] / np.linalg.norm(bank, axis=1)
    nearest = np.argsort(-similarity, axis=1)[:, :20]
    votes = np.array([np.bincount(bank_labels[row], minlength=3).argmax() for row in nearest])
    assert knn_accuracy(bank, bank_labels, test, test_labels) == pytest.approx(np.mean(votes == test_labels))


def test_several_parts_of_a_bank_give_what_each_gives_alone():
    bank, bank_labels = blobs(400, 2, 0)
    test, test_labels = blobs(100, 2, 1)
    parts = [np.flatnonzero(np.arange(400) % 5 != fold) for fold in range(5)]
    expected = [knn_accuracy(bank[part], bank_labels[part], test, test_labels) for part in parts]
    assert knn_accuracies(bank, bank_labels, test, test_labels, parts) == pytest.approx(expected)


def test_good_features_measure_well_and_noise_at_chance():
    test = {distance: blobs(300, distance, 1) for distance in (0, 6)}
    figures = {distance: measured(*blobs(600, distance, 0), *test[distance]) for distance in (0, 6)}
    assert set(figures[6]) == FIGURES
    for name in FIGURES:
        assert figures[6][name]["mean"] > 0.95
        assert figures[0][name]["mean"] < 0.45
        assert len(figures[6][name]["values"]) == 5
        assert figures[6][name]["mean"] == pytest.approx(np.mean(figures[6][name]["values"]))
    assert figures[6] == measured(*blobs(600, 6, 0), *test[6])


def test_regularisation_is_chosen_for_the_features():
    bank, labels = blobs(300, 1.5, 0, dimensions=100)
    test, test_labels = blobs(2000, 1.5, 1, dimensions=100)
    accuracy = {s: linear_accuracy(bank, labels, test, test_labels, s) for s in REGULARISATIONS}
    chosen, _ = choose_regularisation(bank, labels, 0)
    assert max(accuracy.values()) - min(accuracy.values()) > 0.05  # the choice matters
    assert accuracy[chosen] > np.mean(list(accuracy.values()))


def test_few_rows_rare_labels_and_identical_points_are_measured_all_the_same():
    features = np.vstack([np.zeros((12, 4)), np.eye(4)])
    labels = np.array([0] * 14 + [1, 2])
    figures = measured(features, labels, features, labels)
    assert all(np.isfinite(figures[name]["mean"]) for name in FIGURES)
    assert set(kmeans(np.ones((10, 3)), 3, 0)) == {0}


def test_whitening_equals_variances_and_is_learned_on_the_bank():
    bank = np.random.default_rng(0).normal(size=(500, 6)) * [9, 5, 3, 2, 1, 0.5]
    whitened, test = whiten(bank, bank[:7], 0.5)
    assert np.allclose(np.cov(whitened.T), np.eye(6), atol=1e-6)
    assert np.allclose(test, whitened[:7])
    rotated, _ = whiten(bank, bank[:7], 0.0)
    assert np.allclose(np.linalg.norm(rotated, axis=1), np.linalg.norm(bank - bank.mean(0), axis=1))


def test_the_better_candidate_is_chosen():
    bank, labels = blobs(300, 4, 0)
    noise = np.random.default_rng(0).normal(size=bank.shape)
    readout = best_readout({"noise": (noise, noise[:5]), "signal": (bank, bank[:5])}, labels)
    assert readout.choice["features"] == "signal"
    assert readout.test.shape[0] == 5


def test_what_is_to_be_taken_as_it_is_is():
    bank, labels = blobs(300, 4, 0)
    readout = best_readout({AS_THEY_ARE: (bank, bank[:5])}, labels)
    assert np.array_equal(readout.bank, bank)


def test_the_linear_readout_sees_what_whitening_cut_off():
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=600)
    features = generator.normal(size=(600, 300)) * 3
    features[:, 0] = labels + 0.1 * generator.normal(size=600)  # the smallest variance: the first to be cut off
    bank, test = whiten(features, features, 0.0)
    chosen, _ = choose_linear(Readout(bank, test, (features, features), test, {}), labels, 0)
    assert chosen[0].shape[1] == 300


def test_clusters_get_their_own_whitening():
    """Two wide clusters beside many tiny directions of noise: whitening fully drowns them."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=1000)
    features = 0.01 * generator.normal(size=(1000, 60))
    features[:, 0] = 2 * labels - 1 + 0.05 * generator.normal(size=1000)
    readout = best_readout({"all": (features, features)}, labels)
    assert readout.choice["whitening_for_clusters"] < 0.5
    assert cluster_accuracy(labels, kmeans(readout.clustered, 2, 0)) > 0.95
    assert cluster_accuracy(labels, kmeans(whiten(features, features, 0.5)[1], 2, 0)) < 0.95
