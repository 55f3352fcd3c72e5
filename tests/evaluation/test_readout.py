"""Readouts against hand-made cases and slow definitions."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import blobs
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize

from hf_ssl.evaluation.metrics import cluster_accuracy
from hf_ssl.evaluation.readout import (
    NEIGHBOURS,
    applied,
    choose_for_clusters,
    choose_for_neighbours,
    neighbours,
    taken_as_they_are,
)
from hf_ssl.modalities.baseline import AS_THEY_ARE
from hf_ssl.unsupervised.clustering import cluster
from hf_ssl.unsupervised.features import whiten


def votes(bank, labels, test, count):
    """The commonest label of the nearest rows by cosine."""
    similarity = test @ bank.T / np.linalg.norm(test, axis=1)[:, None] / np.linalg.norm(bank, axis=1)
    nearest = np.argsort(-similarity, axis=1)[:, :count]
    return np.array([np.bincount(labels[row], minlength=3).argmax() for row in nearest])


def test_knn_against_its_definition():
    bank, labels = blobs(200, 2, 0)
    test, _ = blobs(50, 2, 1)
    expected = votes(bank, labels, test, NEIGHBOURS)
    assert np.array_equal(neighbours(NEIGHBOURS).fit(bank, labels).predict(test), expected)
    # Lengths play no part.
    stretched = bank * np.random.default_rng(0).uniform(0.1, 9, (200, 1))
    assert np.array_equal(neighbours(NEIGHBOURS).fit(stretched, labels).predict(3 * test), expected)


def test_the_score_of_a_choice_is_the_mean_over_three_folds_of_the_labelled_bank():
    bank, labels = blobs(400, 1.5, 0)
    known = np.flatnonzero(np.arange(400) % 4)
    some = np.where(np.arange(400) % 4, labels, -1)
    choice = choose_for_neighbours({f"all, {AS_THEY_ARE}": (bank, bank[:5])}, some)
    accuracies = []
    for fitted, held in StratifiedKFold(3).split(known, labels[known]):
        found = votes(bank[known[fitted]], labels[known[fitted]], bank[known[held]], 5)
        accuracies.append(np.mean(found == labels[known[held]]))
    assert choice.score == pytest.approx(np.mean(accuracies))
    assert 0.4 < choice.score < 0.95


def test_the_score_of_a_choice_for_clusters_is_their_agreement_with_the_labels():
    bank, labels = blobs(400, 3, 0)
    some = np.where(np.arange(400) % 4, labels, -1)
    choice = choose_for_clusters({f"all, {AS_THEY_ARE}": (bank, bank[:5])}, some)
    found = KMeans(3, n_init=3, random_state=0).fit_predict(normalize(bank[some >= 0]))
    assert choice.score == pytest.approx(normalized_mutual_info_score(some[some >= 0], found))


def test_whitening_equals_variances_and_is_learned_on_the_bank():
    bank = np.random.default_rng(0).normal(size=(500, 6)) * [9, 5, 3, 2, 1, 0.5]
    whitened, test = whiten(bank, bank[:7], 0.5)
    assert np.allclose(np.cov(whitened.T), np.eye(6), atol=1e-6)
    assert np.allclose(test, whitened[:7])
    rotated, _ = whiten(bank, bank[:7], 0.0)
    assert np.allclose(np.linalg.norm(rotated, axis=1), np.linalg.norm(bank - bank.mean(0), axis=1))


@pytest.mark.parametrize("choose", [choose_for_neighbours, choose_for_clusters])
def test_the_better_candidate_is_chosen_by_the_bank_alone(choose):
    bank, labels = blobs(300, 4, 0)
    noise = np.random.default_rng(0).normal(size=bank.shape)
    choice = choose({"noise": (noise, noise[:5]), "signal": (bank, bank[:5])}, labels)
    assert choice.variant == "signal"
    assert applied(choice, (bank, bank[:5]))[1].shape[0] == 5
    broken = np.full((5, 8), np.nan)  # of test rows nothing is looked at
    assert choose({"noise": (noise, broken), "signal": (bank, broken)}, labels) == choice


def test_what_is_to_be_taken_as_it_is_is():
    bank, labels = blobs(300, 4, 0)
    for name, features in ((f"all, {AS_THEY_ARE}", bank), ("words", csr_matrix(bank))):
        choice = choose_for_neighbours({name: (features, features[:5])}, labels)
        assert choice.power == 0
        assert applied(choice, (features, features[:5]))[0] is features
        assert taken_as_they_are(name, features)
    assert not taken_as_they_are("all", bank)  # a control: others are rotated
    rotated = choose_for_neighbours({"all": (bank, bank[:5])}, labels)
    assert not np.allclose(applied(rotated, (bank, bank[:5]))[0], bank)


def test_whitening_must_be_clearly_better_for_clusters():
    """Two wide clusters beside many tiny directions of noise: whitening fully drowns them."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=1000)
    features = 0.01 * generator.normal(size=(1000, 60))
    features[:, 0] = 2 * labels - 1 + 0.05 * generator.normal(size=1000)
    choice = choose_for_clusters({"all": (features, features)}, labels)
    assert choice.power < 0.5
    chosen, _ = applied(choice, (features, features))
    assert cluster_accuracy(labels, cluster(chosen, "kmeans", 2, 0).labels) > 0.95
    drowned, _ = whiten(features, features, 0.5)
    assert cluster_accuracy(labels, cluster(drowned, "kmeans", 2, 0).labels) < 0.95


def test_whitening_that_is_clearly_better_is_taken():
    """One wide direction that says nothing hides two narrow clusters."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=1000)
    features = np.stack([100 * generator.normal(size=1000), 2.0 * labels - 1 + 0.2 * generator.normal(size=1000)], 1)
    features = np.concatenate([features, 0.2 * generator.normal(size=(1000, 1))], 1)
    assert choose_for_clusters({"all": (features, features)}, labels).power > 0
