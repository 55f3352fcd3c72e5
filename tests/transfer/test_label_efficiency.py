"""Few labels: drawn evenly, read out the better the more there are, chosen without a look at test rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from hf_ssl.transfer.label_efficiency import choose_linear, draw_rows, draw_share, label_counts, linear_right


def blobs(rows, seed, distance=2.0, classes=3, dimensions=8):
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=rows)
    return np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions)), labels


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
    bank, labels = blobs(2000, 0)
    test, test_labels = blobs(500, 1)
    pair = (csr_matrix(bank), csr_matrix(test)) if sparse else (bank, test)
    accuracies = []
    for count in (1, 10, 300):
        draws = [draw_rows(labels, count, seed) for seed in range(5)]
        chosen, strength = choose_linear([pair], labels, draws[0], seed=0)
        right = linear_right(chosen, strength, labels, test_labels, draws)
        assert right.shape == (5, 500)
        accuracies.append(right.mean())
    assert accuracies[0] < accuracies[1] < accuracies[2]
    shuffled = np.random.default_rng(0).permutation(labels)
    by_chance = linear_right(pair, 1.0, shuffled, test_labels, [np.arange(2000)]).mean()
    assert by_chance < 0.45 < accuracies[2]


def test_the_better_representation_is_chosen():
    bank, labels = blobs(300, 0)
    noise = np.random.default_rng(0).normal(size=bank.shape)
    chosen, _ = choose_linear([(noise, noise), (bank, bank)], labels, np.arange(300), seed=0)
    assert chosen[0] is bank
    only_one_a_class = draw_rows(labels, 1, 0)
    assert choose_linear([(noise, noise), (bank, bank)], labels, only_one_a_class, seed=0)[0][0] is noise  # the first
