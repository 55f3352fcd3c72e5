"""Three clustering methods: k-means, a Gaussian mixture and HDBSCAN."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.cluster import HDBSCAN, KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize

from hf_ssl.common.quiet import without_advice
from hf_ssl.unsupervised.features import few_components, sample_rows

STARTS = 10
MOST_AT_ONCE = 20_000  # rows; beyond that, k-means uses mini-batches and a mixture a sample
BATCH = 4096
MIXTURE_COMPONENTS = 16
MIXTURE_STARTS = 2
REGULARISATION = 1e-3  # of covariances, for a mean variance of 1
HDBSCAN_COMPONENTS = 10
MOST_BY_DENSITY = 10_000  # rows: time grows with their square
Found = tuple[np.ndarray, dict[str, float]]


def kmeans(features: np.ndarray | csr_matrix, clusters: int, seed: int) -> np.ndarray:
    """Run spherical k-means, the best of 10 initialisations; with mini-batches (Sculley 2010) above 20,000 rows.

    Args:
        features: float, shape (rows, dimensions), dense or sparse; only their directions count.
        clusters: maximum number; fewer if fewer rows are distinct.
        seed: seed of the initialisations.

    Returns:
        int64, shape (rows,): the cluster of each row, from 0.
    """
    return kmeans_with_inertia(features, clusters, seed)[0]


def kmeans_with_inertia(features: np.ndarray | csr_matrix, clusters: int, seed: int, starts: int = STARTS) -> Found:
    """Return the clusters of `kmeans` and "inertia", the mean squared distance of unit-length rows to their centre."""
    points = normalize(features)
    clusters = min(clusters, points.shape[0])
    if points.shape[0] > MOST_AT_ONCE:
        method = MiniBatchKMeans(clusters, batch_size=max(BATCH, clusters), n_init=starts, random_state=seed)
    else:
        method = KMeans(clusters, n_init=starts, random_state=seed)
    with without_advice():  # about fewer distinct points than clusters
        method.fit(points)
    return _numbered(method.labels_), {"inertia": float(method.inertia_) / points.shape[0]}


def gaussian_mixture(features: np.ndarray, clusters: int, seed: int) -> Found:
    """Assign rows to the most likely component of a Gaussian mixture on at most 16 principal components.

    Covariances are diagonal or full, whichever has the smaller Bayesian information criterion (Schwarz 1978).

    Returns:
        int64, shape (rows,): the component of each row, from 0; "bic" and "log_likelihood" (mean, nats) of the rows it was
        fitted on, at most 20,000.
    """
    points = few_components(features, MIXTURE_COMPONENTS, seed)
    fitted = points[sample_rows(len(points), MOST_AT_ONCE, seed)]
    kinds = [fit_mixture(fitted, clusters, kind, seed) for kind in ("diag", "full")]
    criteria = [float(mixture.bic(fitted)) for mixture in kinds]
    best = kinds[int(np.argmin(criteria))]
    return _numbered(best.predict(points)), {"bic": min(criteria), "log_likelihood": float(best.score(fitted))}


def fit_mixture(points: np.ndarray, components: int, kind: str, seed: int) -> GaussianMixture:
    """Fit a Gaussian mixture with ``kind`` of covariances ("diag", "full"), initialised by k-means."""
    components = min(components, len(np.unique(points, axis=0)))
    mixture = GaussianMixture(
        components, covariance_type=kind, reg_covar=REGULARISATION, n_init=MIXTURE_STARTS, random_state=seed
    )
    with without_advice():
        return mixture.fit(points.astype(np.float64))


def hdbscan(features: np.ndarray, seed: int) -> Found:
    """Cluster dense regions by HDBSCAN (Campello et al. 2013) on at most 10 principal components; other rows get -1.

    Beyond 10,000 rows, a sample of that size is clustered, and each other row joins the cluster of its nearest neighbour.

    Returns:
        int64, shape (rows,): clusters from 0, or -1; "noise_share" of the rows.
    """
    points = few_components(features, HDBSCAN_COMPONENTS, seed)
    chosen = sample_rows(len(points), MOST_BY_DENSITY, seed)
    rows = len(chosen)
    size = min(max(5, min(15, rows // 20), rows // 50), max(2, rows // 2))  # a smaller group is noise
    labels = HDBSCAN(min_cluster_size=size, min_samples=min(5, size), copy=True).fit_predict(points[chosen])
    if len(chosen) < len(points):
        labels = KNeighborsClassifier(1).fit(points[chosen], labels).predict(points)
    labels = np.asarray(labels, np.int64)
    return labels, {"noise_share": float((labels < 0).mean())}


def _numbered(labels: np.ndarray) -> np.ndarray:
    """Renumber clusters to remove the gaps of empty ones."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
