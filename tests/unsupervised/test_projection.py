"""Maps keep neighbours together; components of a stream are those of its rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised.projection import pca_map, place, stream_components, tsne_map


def blobs(rows: int, distance: float, seed: int = 0, classes: int = 4, dimensions: int = 8):
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=rows)
    return np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions)), labels


def neighbours_agree(positions: np.ndarray, labels: np.ndarray) -> float:
    return KNeighborsClassifier(5).fit(positions[::2], labels[::2]).score(positions[1::2], labels[1::2])


def stream(features: np.ndarray, size: int):
    return lambda: (features[begin : begin + size] for begin in range(0, len(features), size))


def test_tsne_keeps_clusters_apart_and_makes_none_up():
    features, labels = blobs(150, 10)
    positions = tsne_map(features, 0)
    assert positions.shape == (150, 2)
    assert positions.dtype == np.float32
    assert neighbours_agree(positions, labels) == 1
    noise, labels = blobs(150, 0)
    assert neighbours_agree(tsne_map(noise, 0), labels) < 0.45
    assert np.array_equal(positions, tsne_map(features, 0))


def test_the_first_two_components_are_those_of_rows_of_length_1():
    features, _ = blobs(200, 5)
    positions = pca_map(features * np.random.default_rng(1).uniform(1, 9, (200, 1)), 0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert np.allclose(positions, PCA(2).fit_transform(unit), atol=1e-5)


@pytest.mark.parametrize("rows", [2, 3, 7, 8, 12])
@pytest.mark.parametrize("dimensions", [1, 2, 300])
@pytest.mark.parametrize("project", [pca_map, tsne_map])
def test_few_rows_and_few_dimensions_have_a_map(project, rows, dimensions):
    positions = project(np.random.default_rng(0).normal(size=(rows, dimensions)), 0)
    assert positions.shape == (rows, 2)
    assert np.isfinite(positions).all()


@pytest.mark.parametrize("project", [pca_map, tsne_map])
def test_rows_that_are_alike_are_one_point(project):
    assert not project(np.ones((20, 3)), 0).any()


@pytest.mark.parametrize("project", [pca_map, tsne_map])
def test_rows_that_are_not_finite_are_refused(project):
    with pytest.raises(UserError, match="20 of 20 rows"):
        project(np.full((20, 3), np.nan), 0)


def test_new_points_are_placed_among_their_neighbours():
    features, labels = blobs(150, 10)
    new, new_labels = blobs(60, 10, seed=1)
    positions = tsne_map(features, 0)
    placed = place(new, features, positions)
    assert KNeighborsClassifier(5).fit(positions, labels).score(placed, new_labels) == 1
    assert np.allclose(place(3 * features[:5], features, positions), positions[:5], atol=1e-3)


def test_points_of_another_model_are_refused():
    with pytest.raises(UserError, match=r"\(2, 3\) .* 4 dimensions"):
        place(np.ones((2, 3)), np.eye(4), np.ones((4, 2)))


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 300), dimensions=st.integers(1, 3), seed=st.integers(0, 100))
def test_components_of_a_stream_are_those_of_its_rows(size, dimensions, seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(250, 6)) * [30, 10, 3, 0.01, 0.01, 0.01] + generator.normal(size=6)
    mean, components, variances = stream_components(stream(features, size), dimensions, whiten=False)
    expected = PCA(dimensions).fit(features)
    assert np.allclose(mean, features.mean(0), atol=1e-4)
    assert np.allclose(np.abs(components @ expected.components_.T), np.eye(dimensions), atol=1e-3)
    assert np.allclose(variances, expected.explained_variance_, rtol=1e-3)


def test_whitened_components_have_variance_1():
    features = np.random.default_rng(0).normal(size=(500, 5)) @ np.random.default_rng(1).normal(size=(5, 5))
    mean, components, variances = stream_components(stream(features, 64), 4, whiten=True)
    projected = (features - mean) @ components.T
    assert np.allclose(np.cov(projected.T), np.eye(4), atol=0.05)
    assert (np.diff(variances) < 0).all()


@pytest.mark.parametrize(
    ("rows", "dimensions", "match"), [(3, 4, "3 rows"), (0, 2, "0 rows"), (9, 6, "5 dimensions"), (9, 0, "1 or more")]
)
def test_too_little_for_so_many_components_is_refused(rows, dimensions, match):
    with pytest.raises(UserError, match=match):
        stream_components(stream(np.ones((rows, 5)), 2), dimensions, whiten=False)


def test_a_stream_without_variance_is_whitened_to_finite_numbers():
    parts = stream_components(stream(np.ones((20, 3)), 8), 2, whiten=True)
    assert all(np.isfinite(part).all() for part in parts)
