"""Clusters are described by size, terms and commonest label, and have the colours of what they fit best."""

from __future__ import annotations

import numpy as np

from hf_ssl.unsupervised.naming import describe_clusters, match_colours


def test_clusters_are_described():
    clusters = np.array([0, 0, 0, 2, 2, 1, -1])
    labels = np.array([1, 1, 0, 0, -1, -1, 1])
    described = describe_clusters(clusters, labels, ["cat", "dog"], {0: ["bark", "bone"], 2: ["purr"]})
    assert [each["cluster"] for each in described] == [0, 1, 2]
    assert [each["rows"] for each in described] == [3, 1, 2]
    assert [each["terms"] for each in described] == [["bark", "bone"], [], ["purr"]]
    assert [each["label"] for each in described] == ["dog", None, "cat"]
    assert [each["label_share"] for each in described] == [2 / 3, None, 1.0]  # of the rows that have a label
    for each in describe_clusters(clusters, labels, [], {}):
        assert each["label"] is each["label_share"] is None
    assert describe_clusters(np.array([], int), np.array([], int), ["cat"], {}) == []


def test_groups_have_the_colours_of_what_they_fit_best():
    labels = np.repeat([0, 1, 2], 10)
    assert match_colours((labels + 1) % 3, labels, 3, 3) == [2, 0, 1]
    assert match_colours(labels, (labels + 1) % 3, 3, 3) == [1, 2, 0]  # the other way round
    mixed = labels.copy()
    mixed[8:12] = 1 - mixed[8:12]
    assert match_colours(mixed, labels, 3, 3) == [0, 1, 2]
    assert match_colours(np.where(labels == 0, -1, labels), np.where(np.arange(30) % 2, labels, -1), 3, 3) == [0, 1, 2]


def test_groups_beyond_the_others_have_colours_of_their_own():
    groups = np.arange(30) // 5
    labels = np.repeat([0, 1, 2], 10)
    colours = match_colours(groups, labels, 6, 3)
    assert sorted(colours) == [0, 1, 2, 3, 4, 5]
    for label in range(3):
        assert colours.index(label) in (2 * label, 2 * label + 1)
    assert match_colours(groups, np.full(30, -1), 6, 0) == [0, 1, 2, 3, 4, 5]
