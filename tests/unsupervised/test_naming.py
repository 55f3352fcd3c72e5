"""Terms and rows that stand for clusters."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import TOPICS, sentences

from hf_ssl.unsupervised.clustering import cluster
from hf_ssl.unsupervised.naming import nearest_rows, top_terms


def test_the_words_of_a_topic_name_it():
    texts, labels = sentences(300)
    names = top_terms(texts, np.array(labels))
    for topic, words in enumerate(TOPICS.values()):
        assert len(names[topic]) == 5
        assert set(names[topic]) <= set(words.split())


def test_a_word_that_all_clusters_share_names_none():
    texts = ["shared apple", "shared apple", "shared stone", "shared stone", "shared", "shared"]
    names = top_terms(texts, np.array([0, 0, 1, 1, 0, 1]), 1)
    assert names == {0: ["apple"], 1: ["stone"]}


def test_a_term_counts_once_a_text():
    names = top_terms(["loud " * 50 + "calm", "calm", "calm", "other"], np.array([0, 0, 0, 1]), 2)
    assert names[0] == ["calm", "loud"]


def test_rows_of_no_cluster_play_no_part():
    texts = ["apple", "stone", "noise"]
    assert top_terms(texts, np.array([0, 1, -1])) == {0: ["apple"], 1: ["stone"]}
    assert top_terms(texts, np.array([-1, -1, -1])) == {}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["the and", "of", "the"], {"the", "and"}),  # nothing but stop words
        (["12 7", "8", "12"], {"12", "7"}),  # nothing but numbers
        (["+-+", "//", "+-"], {"+", "-", "+-"}),  # no words at all
        (["東京 タワー", "大阪", "東京"], {"東京", "タワー"}),
    ],
)
def test_something_is_said_of_texts_without_words(texts, expected):
    assert expected <= set(top_terms(texts, np.array([0, 1, 0]))[0])


def test_nothing_is_said_of_empty_texts():
    assert top_terms(["", " ", ""], np.array([0, 1, 1]))[0] == []


def test_the_nearest_rows_are_members_in_order_of_their_distance():
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=200)
    features = 8 * np.eye(5)[labels] + generator.normal(size=(200, 5))
    clusters = cluster(features, "kmeans", 3, 0)
    nearest = nearest_rows(features, clusters, 4)
    assert sorted(nearest) == [0, 1, 2]
    for label, rows in nearest.items():
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        cosine = unit @ clusters.centres[label]
        assert rows == np.argsort(-cosine)[:4].tolist()
        assert set(clusters.labels[rows]) == {label}


def test_a_small_cluster_has_all_its_rows():
    features = np.array([[1.0, 0], [0, 1], [0, 1.1]])
    clusters = cluster(features, "kmeans", 2, 0)
    assert sorted(map(len, nearest_rows(features, clusters, 10).values())) == [1, 2]
