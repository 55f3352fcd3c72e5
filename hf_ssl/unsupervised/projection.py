"""Two-dimensional maps of features, and principal components of streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import normalize

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised.features import alike, check_finite, checked

MOST_COMPONENTS = 50
PERPLEXITY = 30.0
FEWEST_ROWS = 8  # for t-SNE; fewer are projected by PCA
NEIGHBOURS = 10
ROWS_PER_COMPONENT = 5


def pca_map(features: np.ndarray, seed: int) -> np.ndarray:
    """Return the first two principal components of unit-length rows.

    Args:
        features: float, shape (rows, dimensions).
        seed: seed of the randomised decomposition of wide features.

    Returns:
        float32, shape (rows, 2); zeros if all rows are identical.

    Raises:
        UserError: if features are not finite.
    """
    return _principal(normalize(checked(features)), 2, seed)


def tsne_map(features: np.ndarray, seed: int) -> np.ndarray:
    """Map unit-length rows by t-SNE (van der Maaten and Hinton 2008), with neighbours by cosine.

    The input is at most 50 principal components; the first two initialise the map. Perplexity is 30, or less below about 90
    rows.

    Args:
        features: float, shape (rows, dimensions).
        seed: seed of the decomposition.

    Returns:
        float32, shape (rows, 2); for fewer than 8 rows, the result of `pca_map`.

    Raises:
        UserError: if features are not finite.
    """
    points = normalize(checked(features))
    if len(points) < FEWEST_ROWS or alike(points):
        return _principal(points, 2, seed)
    components = _principal(points, MOST_COMPONENTS, seed)
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    positions = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(components)
    return np.asarray(positions, np.float32)


def place(point_features: np.ndarray, features: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Place new points on a map: the mean position of their 10 nearest rows (cosine), weighted by inverse distance.

    t-SNE itself cannot place unseen points.

    Args:
        point_features: float, shape (points, dimensions).
        features: features of the mapped rows: float, shape (rows, dimensions).
        positions: positions of the mapped rows: float, shape (rows, 2).

    Returns:
        float32, shape (points, 2); a point equal to a row gets its position.

    Raises:
        UserError: if features are not finite or have another number of dimensions.
    """
    if point_features.ndim != 2 or point_features.shape[1] != features.shape[1]:
        raise UserError(
            f"points have the shape {point_features.shape} and the map was made of {features.shape[1]} dimensions; "
            "compute both with the same model"
        )
    nearest = KNeighborsRegressor(min(NEIGHBOURS, len(features)), weights="distance", algorithm="brute")
    nearest.fit(normalize(checked(features)), positions)
    return np.asarray(nearest.predict(normalize(check_finite(point_features))), np.float32)


def stream_components(
    batches: Callable[[], Iterable[np.ndarray]], dimensions: int, whiten: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute principal components of a stream larger than memory in one pass (incremental: Ross et al. 2008).

    ``(rows - mean) @ components.T`` projects rows.

    Args:
        batches: returns float batches of shape (rows, dimensions), of any size.
        dimensions: number of components.
        whiten: scale components so that projected rows have variance 1.

    Returns:
        Mean, float32 of shape (features,); components, float32 of shape (dimensions, features), by decreasing
        variance; variances before whitening, float32 of shape (dimensions,).

    Raises:
        UserError: if there are fewer rows or features than components, or features that are not finite.
    """
    if dimensions < 1:
        raise UserError(f"the number of components must be 1 or more, not {dimensions}")
    found = IncrementalPCA(dimensions)
    waiting: list[np.ndarray] = []  # until there are several rows per component
    rows = 0
    for batch in batches():
        waiting.append(check_finite(batch))
        rows += len(batch)
        if batch.shape[1] < dimensions:
            raise UserError(f"{batch.shape[1]} dimensions cannot give {dimensions} components; ask for fewer")
        if sum(map(len, waiting)) >= ROWS_PER_COMPONENT * dimensions:
            _fit_further(found, waiting)
            waiting = []
    if rows < max(2, dimensions):
        raise UserError(f"a stream of {rows} rows cannot give {dimensions} components; ask for fewer")
    if any(map(len, waiting)):
        _fit_further(found, waiting)
    scale = 1 / np.sqrt(np.maximum(found.explained_variance_, np.finfo(np.float32).tiny)) if whiten else 1.0
    components = found.components_ * np.reshape(scale, (-1, 1))
    return tuple(np.asarray(part, np.float32) for part in (found.mean_, components, found.explained_variance_))  # type: ignore[return-value]


def _fit_further(found: IncrementalPCA, parts: list[np.ndarray]) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):  # shares of a zero variance
        found.partial_fit(np.concatenate(parts))


def _principal(points: np.ndarray, most: int, seed: int) -> np.ndarray:
    components = min(most, *points.shape)
    projected = np.zeros((len(points), max(2, components)), np.float32)
    if not alike(points):
        projected[:, :components] = PCA(components, random_state=seed).fit_transform(points)
    return projected
