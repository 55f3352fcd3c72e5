"""Clusters of features: of rows in memory by three methods, and of streams larger than memory."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.preprocessing import normalize

from hf_ssl.errors import UserError
from hf_ssl.unsupervised import methods
from hf_ssl.unsupervised.features import alike, check_finite, check_memory, check_shape

METHODS = ("kmeans", "gaussian_mixture", "hdbscan")
SAMPLE_PER_CLUSTER = 20  # rows that the centres of a stream start from
PASSES = 2
Batches = Callable[[], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Clusters:
    """Which rows belong together.

    Attributes:
        labels: int64, shape (rows,), from 0 without gaps; -1 for rows that belong to no cluster.
        centres: float32, shape (clusters, dimensions): means of the members.
        figures: "inertia" of k-means (mean squared distance of rows of length 1 to their centre); "bic" and
            "log_likelihood" of a mixture; "noise_share" of HDBSCAN. Empty when all rows are alike.
    """

    labels: np.ndarray
    centres: np.ndarray
    figures: dict[str, float]


def cluster(features: np.ndarray, method: str, clusters: int | None, seed: int) -> Clusters:
    """Cluster rows by the direction of their features; lengths play no part.

    Rows that are all alike make one cluster, which is said on stderr; where fewer rows than ``clusters`` are distinct,
    there are that many clusters.

    Args:
        features: float, shape (rows, dimensions).
        method: one of METHODS.
        clusters: how many; None or ignored for "hdbscan", which finds their number.
        seed: of starts and samples; the result is a function of it and the features.

    Raises:
        UserError: if the method or the number of clusters is none, features are not finite, or memory is too small.
    """
    if method not in METHODS:
        raise UserError(f"there is no clustering method '{method}'; there are {', '.join(METHODS)}")
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
        raise UserError("the number of clusters is missing; only hdbscan finds it by itself")
    if clusters < 1:
        raise UserError(f"the number of clusters must be 1 or more, not {clusters}")
    if clusters > rows:
        raise UserError(f"{clusters:,} clusters cannot be made of {rows:,} rows; ask for {rows:,} or fewer")
    return clusters


def _needed(method: str, rows: int, dimensions: int, clusters: int) -> float:
    """Bytes, roughly: a copy of the rows, centres, and a mixture's densities of every row and covariances."""
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
    """Mini-batch k-means (Sculley 2010) of more rows than memory holds: a batch, a sample and the centres are held.

    A first pass draws a sample of all rows, however they are sorted, among which k-means++ (Arthur and Vassilvitskii 2007)
    finds the first centres; the others move them. Rows are taken as they are: scale them to length 1 for cosine.

    Args:
        batches: gives the same batches whenever it is called: numbers (taken as float32), shape (rows, dimensions), of any sizes.
        clusters: how many.
        seed: of the sample and the start.
        passes: over all batches, after the first.

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
    """The nearest centre of every row of a stream.

    Args:
        batches: float, each of shape (rows, dimensions).
        centres: float, shape (clusters, dimensions).

    Yields:
        For each batch that is not empty: labels, int64 of shape (rows,), and the sum of squared distances to the nearest centre.
    """
    for batch in filter(len, batches):
        labels, distances = pairwise_distances_argmin_min(_single(batch), _single(centres), metric="sqeuclidean")
        yield np.asarray(labels, np.int64), float(distances.sum(dtype=np.float64))


def _single(batch: np.ndarray) -> np.ndarray:
    return batch.astype(np.float32, copy=False)


def _sample(batches: Batches, clusters: int, seed: int) -> np.ndarray:
    """Twenty rows a cluster, all rows with the same chance: those that draw the smallest numbers."""
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
            f"{clusters:,} clusters cannot be made of a stream of {0 if rows is None else len(rows):,} rows"
        )
    return rows
