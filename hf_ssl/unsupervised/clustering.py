"""Clustering of features: three methods for rows in memory, and k-means for streams larger than memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.preprocessing import normalize

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised import methods
from hf_ssl.unsupervised.features import alike, check_finite, check_memory, check_shape

METHODS = ("kmeans", "gaussian_mixture", "hdbscan")
SAMPLE_PER_CLUSTER = 20  # rows used to initialise the centres of a stream
PASSES = 2
Batches = Callable[[], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Clusters:
    """The clusters of rows.

    Attributes:
        labels: int64, shape (rows,), from 0 without gaps; -1 for rows that belong to no cluster.
        centres: float32, shape (clusters, dimensions): means of the members.
        figures: "inertia" of k-means (mean squared distance of unit-length rows to their centre); "bic" and
            "log_likelihood" of a mixture; "noise_share" of HDBSCAN. Empty if all rows are identical.
    """

    labels: np.ndarray
    centres: np.ndarray
    figures: dict[str, float]


def cluster(features: np.ndarray, method: str, clusters: int | None, seed: int) -> Clusters:
    """Cluster rows by the direction of their features; vector lengths are ignored.

    If all rows are identical, there is one cluster and a note on stderr; if fewer rows than ``clusters`` are distinct,
    each distinct row is a cluster.

    Args:
        features: float, shape (rows, dimensions).
        method: one of METHODS.
        clusters: number of clusters; ignored by "hdbscan", which finds it.
        seed: seed of initialisations and samples; the result depends only on it and the features.

    Raises:
        UserError: if the method or the number of clusters is invalid, features are not finite, or memory is too small.
    """
    if method not in METHODS:
        raise UserError(f"there is no clustering method '{method}'; choose one of {', '.join(METHODS)}")
    check_shape(features)
    rows, dimensions = features.shape
    count = 1 if method == "hdbscan" else _checked_count(clusters, rows)
    check_memory(_needed(method, rows, dimensions, count), f"clustering {rows:,} rows into {count:,} clusters")
    features = check_finite(features)
    figures: dict[str, float] = {}
    if alike(normalize(features)):
        print("all rows are alike: one cluster", file=sys.stderr)
        labels = np.zeros(rows, np.int64)
    elif method == "kmeans":
        labels, figures = methods.kmeans_with_inertia(features, count, seed)
    elif method == "gaussian_mixture":
        labels, figures = methods.gaussian_mixture(features, count, seed)
    else:
        labels, figures = methods.hdbscan(features, seed)
    return Clusters(labels, _means(features, labels), figures)


def _checked_count(clusters: int | None, rows: int) -> int:
    if clusters is None:
        raise UserError("the number of clusters is missing; only hdbscan finds it automatically")
    if clusters < 1:
        raise UserError(f"the number of clusters must be 1 or more, not {clusters}")
    if clusters > rows:
        raise UserError(f"{rows:,} rows cannot form {clusters:,} clusters; ask for {rows:,} or fewer")
    return clusters


def _needed(method: str, rows: int, dimensions: int, clusters: int) -> float:
    """Estimate the bytes for a copy of the rows, the centres and, for a mixture, all densities and covariances."""
    needed = 8.0 * dimensions * (rows + 4 * clusters)
    if method == "gaussian_mixture":
        components = min(dimensions, methods.MIXTURE_COMPONENTS)
        needed += 8.0 * clusters * (2 * rows + 3 * min(rows, methods.MOST_AT_ONCE) + 6 * components**2)
    return needed


def _means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    members = [features[labels == label] for label in range(int(labels.max()) + 1)]
    means = [rows.mean(0, dtype=np.float64) for rows in members]
    return np.array(means, np.float32).reshape(-1, features.shape[1])


def stream_kmeans(batches: Batches, clusters: int, seed: int, passes: int = PASSES) -> np.ndarray:
    """Run mini-batch k-means (Sculley 2010) on a stream larger than memory; only a batch, a sample and the centres are held.

    A first pass draws a uniform sample of all rows, in which k-means++ (Arthur and Vassilvitskii 2007) finds the initial
    centres; further passes update them. Rows are used unchanged: scale them to length 1 for cosine.

    Args:
        batches: returns the same batches on every call: numbers (cast to float32), shape (rows, dimensions), of any size.
        clusters: number of clusters.
        seed: seed of the sample and the initialisation.
        passes: number of passes over all batches, after the first.

    Returns:
        float32, shape (clusters, dimensions).

    Raises:
        UserError: if there are fewer rows than clusters, or features that are not finite.
    """
    sample = _sample(batches, clusters, seed)
    found = MiniBatchKMeans(clusters, n_init=1, random_state=seed, compute_labels=False, init_size=len(sample))
    found.partial_fit(sample)
    for _ in range(passes):
        for batch in filter(len, batches()):
            found.partial_fit(_single(batch))
    return np.asarray(found.cluster_centers_, np.float32)


def assign(batches: Iterable[np.ndarray], centres: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """Assign every row of a stream to its nearest centre.

    Args:
        batches: float, each of shape (rows, dimensions).
        centres: float, shape (clusters, dimensions).

    Yields:
        For each non-empty batch: labels, int64 of shape (rows,), and the sum of squared distances to the nearest centre.
    """
    for batch in filter(len, batches):
        labels, distances = pairwise_distances_argmin_min(_single(batch), _single(centres), metric="sqeuclidean")
        yield np.asarray(labels, np.int64), float(distances.sum(dtype=np.float64))


def _single(batch: np.ndarray) -> np.ndarray:
    return batch.astype(np.float32, copy=False)


def _sample(batches: Batches, clusters: int, seed: int) -> np.ndarray:
    """Draw a uniform sample of twenty rows per cluster: the rows with the smallest random numbers."""
    if clusters < 1:
        raise UserError(f"the number of clusters must be 1 or more, not {clusters}")
    generator = np.random.default_rng(seed)
    wanted = SAMPLE_PER_CLUSTER * clusters
    rows: np.ndarray | None = None
    for batch in batches():
        batch = _single(check_finite(batch))
        drawn = generator.random(len(batch))
        if rows is None:
            check_memory(wanted * batch.shape[1] * 8.0, f"a sample of {wanted:,} rows for {clusters:,} clusters")
            rows, draws = batch[:0], drawn[:0]
        few = drawn < (draws.max() if len(draws) >= wanted else 1)
        if few.any():
            rows, draws = np.concatenate([rows, batch[few]]), np.concatenate([draws, drawn[few]])
            smallest = np.argsort(draws, kind="stable")[:wanted]
            rows, draws = rows[smallest], draws[smallest]
    if rows is None or len(rows) < clusters:
        raise UserError(
            f"a stream of {0 if rows is None else len(rows):,} rows cannot form {clusters:,} clusters; ask for fewer"
        )
    return rows
