"""Clusters of made-up rows whose clusters are known, of rows without any, and of streams."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import pretrain
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised import methods
from hf_ssl.unsupervised.clustering import METHODS, assign, cluster, stream_kmeans

NUMBERED = METHODS[:2]


def blobs(rows: int, distance: float, seed: int, classes: int = 4, dimensions: int = 8):
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=rows)
    rows = np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions))
    return rows.astype(np.float32), labels


def stream(features: np.ndarray, size: int):
    return lambda: (features[begin : begin + size] for begin in range(0, len(features), size))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_apart_is_found(method):
    features, labels = blobs(600, 12, 0)
    found = cluster(features, method, 4, 0)
    inside = found.labels >= 0
    assert adjusted_rand_score(labels[inside], found.labels[inside]) > 0.99
    assert inside.mean() > 0.9
    assert set(np.unique(found.labels[inside])) == set(range(4))
    assert found.labels.dtype == np.int64
    means = np.stack([features[found.labels == label].mean(0) for label in range(4)])
    assert found.centres.dtype == np.float32
    assert np.allclose(found.centres, means, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_apart_is_not_found(method):
    features, labels = blobs(600, 0, 0)
    found = cluster(features, method, 4, 0)
    assert adjusted_rand_score(labels, found.labels) < 0.05


def test_hdbscan_says_that_a_single_gaussian_has_no_clusters():
    found = cluster(blobs(600, 0, 0, dimensions=64)[0], "hdbscan", None, 0)
    assert found.figures["noise_share"] == 1
    assert found.centres.shape == (0, 64)


def test_hdbscan_leaves_out_what_lies_between():
    features, _ = blobs(600, 12, 0)
    scattered = 20 * np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    found = cluster(np.concatenate([features, scattered]), "hdbscan", None, 0)
    assert len(found.centres) == 4
    assert (found.labels[600:] < 0).mean() > 0.5 > (found.labels[:600] < 0).mean()
    assert found.figures["noise_share"] == pytest.approx((found.labels < 0).mean())


@settings(max_examples=25, deadline=None)
@given(
    method=st.sampled_from(METHODS),
    rows=st.integers(2, 40),
    clusters=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 5),
)
def test_labels_are_a_function_of_the_seed_and_number_the_clusters(method, rows, clusters, seed):
    clusters = min(clusters, rows)
    features, _ = blobs(rows, 3, seed)
    found = cluster(features, method, clusters, seed)
    assert np.array_equal(found.labels, cluster(features, method, clusters, seed).labels)
    assert np.array_equal(np.unique(found.labels[found.labels >= 0]), np.arange(len(found.centres)))
    if method == "kmeans":
        assert len(found.centres) == clusters


@settings(max_examples=15, deadline=None)
@given(method=st.sampled_from(METHODS), seed=st.integers(0, 1000))
def test_the_order_of_rows_plays_no_part_but_for_names(method, seed):
    features, _ = blobs(200, 12, seed)
    order = np.random.default_rng(seed).permutation(200)
    there, here = cluster(features[order], method, 4, 0).labels, cluster(features, method, 4, 0).labels[order]
    assert adjusted_rand_score(there, here) == 1


@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.floats(0.01, 100), min_size=60, max_size=60), method=st.sampled_from(METHODS))
def test_lengths_play_no_part(lengths, method):
    features, _ = blobs(60, 12, 0)
    scaled = features * np.array(lengths, np.float32)[:, None]
    assert np.array_equal(cluster(scaled, method, 4, 0).labels, cluster(features, method, 4, 0).labels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.3, -7.0])
def test_rows_that_are_alike_make_one_cluster(method, value, capsys):
    found = cluster(np.full((30, 5), value), method, 4, 0)
    assert set(found.labels) == {0}
    assert np.allclose(found.centres, value)
    assert capsys.readouterr().err == "all rows are alike: one cluster\n"


@pytest.mark.parametrize("method", NUMBERED)
def test_fewer_distinct_rows_than_clusters(method):
    found = cluster(np.eye(3)[np.arange(30) % 3], method, 10, 0)
    assert len(found.centres) == 3
    assert adjusted_rand_score(np.arange(30) % 3, found.labels) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_counted(method, bad):
    features, _ = blobs(50, 3, 0)
    features[[7, 9], 2] = bad
    with pytest.raises(UserError, match=r"2 of 50 rows .* row 7"):
        cluster(features, method, 3, 0)


@pytest.mark.parametrize(
    ("clusters", "match"),
    [(0, "1 or more"), (-1, "1 or more"), (51, "50 rows cannot form 51 clusters"), (None, "missing")],
)
@pytest.mark.parametrize("method", NUMBERED)
def test_impossible_numbers_of_clusters_are_refused(method, clusters, match):
    with pytest.raises(UserError, match=match):
        cluster(blobs(50, 3, 0)[0], method, clusters, 0)


@pytest.mark.parametrize(
    ("shape", "match"), [((1, 3), "1 rows"), ((0, 3), "0 rows"), ((5,), "shape"), ((5, 0), "shape")]
)
def test_no_matrix_of_rows_is_refused(shape, match):
    with pytest.raises(UserError, match=match):
        cluster(np.zeros(shape), "kmeans", 1, 0)


def test_an_unknown_method_is_refused():
    with pytest.raises(UserError, match="choose one of kmeans, gaussian_mixture, hdbscan"):
        cluster(np.eye(3), "ward", 2, 0)


@pytest.mark.parametrize("method", NUMBERED)
def test_too_little_memory_is_said_before_any_is_taken(method):
    endless = np.broadcast_to(np.float32(0), (10**12, 4))  # takes no memory itself
    with pytest.raises(UserError, match=r"1,000,000,000 clusters needs about .* GiB"):
        cluster(endless, method, 10**9, 0)


def test_many_rows_are_clustered_in_batches_as_well_as_at_once(monkeypatch):
    features, labels = blobs(4000, 12, 0)
    monkeypatch.setattr(methods, "MOST_AT_ONCE", 1000)
    monkeypatch.setattr(methods, "MOST_BY_DENSITY", 1000)
    for method in METHODS:
        found = cluster(features, method, 4, 0).labels
        inside = found >= 0
        assert inside.mean() > 0.9
        assert adjusted_rand_score(labels[inside], found[inside]) > 0.99


@pytest.mark.parametrize("order", ["mixed", "sorted"])
def test_a_stream_is_clustered_as_well_as_rows_in_memory(order):
    features, labels = blobs(6000, 4, 0, classes=8, dimensions=16)
    if order == "sorted":
        features = features[np.argsort(labels)]
    centres = stream_kmeans(stream(features, 100), 20, seed=0)
    assert centres.shape == (20, 16)
    assert centres.dtype == np.float32
    labels, distances = zip(*assign(stream(features, 100)(), centres), strict=True)
    assert np.concatenate(labels).shape == (6000,)
    assert sum(distances) < 1.1 * KMeans(20, n_init=3, random_state=0).fit(features).inertia_
    assert np.array_equal(centres, stream_kmeans(stream(features, 100), 20, seed=0))


def test_assignment_against_its_definition():
    features, _ = blobs(50, 3, 0)
    squares = ((features[:, None] - features[None, :5]) ** 2).sum(2)
    labels, distances = zip(*assign(stream(features, 20)(), features[:5]), strict=True)
    assert [len(part) for part in labels] == [20, 20, 10]
    assert np.array_equal(np.concatenate(labels), squares.argmin(1))
    assert sum(distances) == pytest.approx(squares.min(1).sum(), rel=1e-5)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int64])
def test_numbers_of_any_kind_are_clustered(kind):
    features = (10 * blobs(200, 8, 0)[0]).round().astype(kind)
    single = features.astype(np.float32)
    centres = stream_kmeans(stream(features, 100), 4, 0)
    assert np.array_equal(centres, stream_kmeans(stream(single, 100), 4, 0))
    assert next(assign([features], centres))[1] == pytest.approx(next(assign([single], centres))[1])
    assert adjusted_rand_score(cluster(features, "kmeans", 4, 0).labels, cluster(single, "kmeans", 4, 0).labels) == 1


def test_empty_batches_of_a_stream_play_no_part():
    features, _ = blobs(200, 8, 0)
    parts = [features[:0], features[:100], features[:0], features[100:], features[:0]]
    centres = stream_kmeans(lambda: iter(parts), 4, 0)
    assert np.array_equal(centres, stream_kmeans(stream(features, 100), 4, 0))
    assert [len(labels) for labels, _ in assign(parts, centres)] == [100, 100]


@pytest.mark.parametrize(
    ("rows", "clusters", "match"),
    [
        (5, 6, "5 rows cannot form 6 clusters"),
        (0, 2, "0 rows"),
        (5, 0, "1 or more"),
        (5, 10**9, "1,000,000,000 clusters"),
    ],
)
def test_streams_that_cannot_be_clustered_are_refused(rows, clusters, match):
    with pytest.raises(UserError, match=match):
        stream_kmeans(stream(np.ones((rows, 64), np.float32), 3), clusters, 0)


def test_a_stream_with_bad_rows_is_refused():
    features = np.ones((9, 2), np.float32)
    features[5] = np.nan
    with pytest.raises(UserError, match="1 of 3 rows"):
        stream_kmeans(stream(features, 3), 2, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "clusters"),
    [(20_000, 100), pytest.param(1_000_000, 1000, marks=[pytest.mark.endurance, pytest.mark.timeout(1800)])],
)
def test_a_stream_takes_little_memory_and_its_clusters_are_good(rows, clusters, capsys):
    pretrain(
        f"--rows={rows}", f"--clusters={clusters}", f"--fitted_rows={rows // 20}", script="benchmarks/clustering.py"
    )
    printed = json.loads(capsys.readouterr().err.splitlines()[-1])
    streamed = printed["figures"]["stream"]
    assert streamed["peak_mib"] < 1000
    assert printed["ratio"] < 1.2
    assert printed["figures"]["random_rows"]["inertia"] > 1.3 * streamed["inertia"]  # the ratio can tell
