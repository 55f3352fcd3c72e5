"""Few labels: drawn evenly, read out the better the more there are, chosen without a look at test rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import blobs
from scipy.sparse import csr_matrix

from hf_ssl.evaluation.label_efficiency import (
    STRENGTHS,
    LinearReadout,
    choose_linear,
    draw_rows,
    draw_share,
    label_counts,
)


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=6), a_class=st.integers(1, 50), seed=st.integers(0, 99))
def test_each_class_gets_as_many_as_it_has_up_to_what_is_asked(sizes, a_class, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = draw_rows(labels, a_class, seed)
    assert np.bincount(labels[rows]).tolist() == [min(size, a_class) for size in sizes]
    assert len(set(rows.tolist())) == len(rows)
    assert np.array_equal(rows, draw_rows(labels, a_class, seed))


def test_another_seed_draws_other_rows():
    labels = np.repeat([0, 1], 100)
    assert not np.array_equal(draw_rows(labels, 5, 0), draw_rows(labels, 5, 1))


@pytest.mark.parametrize("classes", [2, 3, 4, 7, 8])
def test_a_hundred_are_a_hundred(classes):
    labels = np.arange(2000) % classes
    rows = draw_share(labels, 100, 0)
    counts = np.bincount(labels[rows])
    assert len(rows) == 100
    assert counts.max() - counts.min() <= 1


def test_counts_end_before_all():
    assert label_counts(np.repeat([0, 1, 2], [30, 25, 4])) == [1, 2, 5, 10, 20]
    assert label_counts(np.repeat([0, 1], 5000), most=50) == [1, 2, 5, 10, 20, 50]


@pytest.mark.parametrize("sparse", [False, True])
def test_more_labels_read_out_more(sparse):
    bank, labels = blobs(2000, 2, 0)
    test, test_labels = blobs(500, 2, 1)
    pair = (csr_matrix(bank), csr_matrix(test)) if sparse else (bank, test)
    accuracies = []
    for count in (1, 10, 300):
        draws = [draw_rows(labels, count, seed) for seed in range(5)]
        found = choose_linear([pair], labels, draws[0], seed=0).predict(labels, draws)
        assert found.shape == (5, 500)
        accuracies.append((found == test_labels).mean())
    assert accuracies[0] < accuracies[1] < accuracies[2]
    shuffled = np.random.default_rng(0).permutation(labels)
    (by_chance,) = LinearReadout(*pair, 1.0, 0.0).predict(shuffled, [np.arange(2000)])
    assert (by_chance == test_labels).mean() < 0.45 < accuracies[2]


def test_the_better_representation_is_chosen():
    bank, labels = blobs(300, 2, 0)
    noise = np.random.default_rng(0).normal(size=bank.shape)
    representations = [(noise, noise), (bank, bank)]
    assert choose_linear(representations, labels, np.arange(300), seed=0).bank is bank
    only_one_a_class = draw_rows(labels, 1, 0)
    first = choose_linear(representations, labels, only_one_a_class, seed=0)  # nothing can be chosen
    assert (first.bank is noise, first.score) == (True, 0.0)


def test_regularisation_is_chosen_for_the_features():
    bank, labels = blobs(300, 1.5, 0, dimensions=100)
    test, test_labels = blobs(2000, 1.5, 1, dimensions=100)
    accuracy = {
        strength: (LinearReadout(bank, test, strength, 0.0).predict(labels, [np.arange(300)]) == test_labels).mean()
        for strength in STRENGTHS
    }
    chosen = choose_linear([(bank, test)], labels, np.arange(300), seed=0)
    assert max(accuracy.values()) - min(accuracy.values()) > 0.02  # the choice matters
    assert accuracy[chosen.strength] > np.mean(list(accuracy.values()))
    assert chosen.score == pytest.approx(accuracy[chosen.strength], abs=0.08)  # its folds say what other rows will


def test_the_choice_sees_no_test_row():
    bank, labels = blobs(300, 2, 0)
    test, _ = blobs(50, 2, 1)
    first = choose_linear([(bank, test)], labels, np.arange(300), seed=0)
    other = choose_linear([(bank, np.full_like(test, np.nan))], labels, np.arange(300), seed=0)
    assert (first.strength, first.score) == (other.strength, other.score)
