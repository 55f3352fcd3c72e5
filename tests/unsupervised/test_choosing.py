"""The number of clusters of made-up rows that have one, and of rows that have none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised.choosing import choose_clusters, stability, usual_counts


def blobs(rows: int, distance: float, classes: int, dimensions: int = 12):
    generator = np.random.default_rng(0)
    labels = generator.integers(classes, size=rows)
    return np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions))


@pytest.mark.parametrize("classes", [2, 3, 5, 7])
def test_the_right_number_is_chosen(classes):
    choice = choose_clusters(blobs(500, 12, classes), range(2, 10), 0)
    assert choice.chosen == classes
    assert choice.best == {"silhouette": classes, "bic": classes, "stability": choice.best["stability"]}
    assert choice.figures["stability"][classes] > 0.99
    inertia = list(choice.figures["inertia"].values())
    assert all(later < earlier for earlier, later in itertools.pairwise(inertia))
    assert all(list(figures) == list(range(2, 10)) for figures in choice.figures.values())


def test_no_number_is_stable_or_has_a_silhouette_where_there_are_no_clusters():
    figures = choose_clusters(blobs(500, 0, 3), [2, 3, 5, 8], 0).figures
    assert max(figures["silhouette"].values()) < 0.2
    assert max(figures["stability"].values()) < 0.5


def test_a_good_silhouette_without_stability_is_not_chosen():
    """Two distant groups that are rings inside: any cut of a ring is arbitrary."""
    generator = np.random.default_rng(0)
    angles = generator.uniform(0, 2 * np.pi, 600)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1)
    side = generator.integers(2, size=600)
    features = np.concatenate([ring, 3 * np.eye(2)[side]], 1)
    choice = choose_clusters(features, [2, 3, 5, 7], 0)
    assert choice.chosen == 2
    assert choice.best["stability"] == 2


def test_a_choice_is_a_function_of_the_seed():
    features = blobs(300, 2, 4)
    assert choose_clusters(features, [2, 4, 6], 3) == choose_clusters(features, [6, 4, 2, 4], 3)
    assert stability(features, 6, 0) != stability(features, 6, 1)


def test_usual_counts_grow_with_the_rows():
    assert usual_counts(5000) == [*range(2, 11), 12, 15, 20]
    assert usual_counts(30) == [2, 3, 4, 5, 6]
    assert usual_counts(10) == usual_counts(3) == [2]


def test_few_rows_and_few_distinct_rows_are_measured_all_the_same():
    assert choose_clusters(np.eye(3), [2], 0).chosen == 2
    assert choose_clusters(np.random.default_rng(0).normal(size=(12, 2000)), [2], 0).chosen == 2  # less than chance
    assert choose_clusters(np.eye(3)[np.arange(30) % 3], range(2, 7), 0).chosen == 3


@pytest.mark.parametrize(("counts", "match"), [([], "none"), ([1, 2], r"\[1\]"), ([2, 10], r"from 2 to 9 .* \[10\]")])
def test_impossible_numbers_are_refused(counts, match):
    with pytest.raises(UserError, match=match):
        choose_clusters(np.eye(10), counts, 0)


def test_what_has_no_clusters_to_count_is_refused():
    with pytest.raises(UserError, match="all rows are alike"):
        choose_clusters(np.ones((10, 3)), [2], 0)
    with pytest.raises(UserError, match="1 of 10 rows"):
        choose_clusters(np.where(np.eye(10)[:, :1] > 0, np.nan, np.eye(10)), [2], 0)
