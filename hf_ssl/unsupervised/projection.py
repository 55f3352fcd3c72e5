"""Maps of features in two dimensions, and principal components of streams."""

from collections.abc import Callable, Iterable

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import normalize

from hf_ssl.errors import UserError
from hf_ssl.unsupervised.features import alike, check_finite, checked

MOST_COMPONENTS = 50
PERPLEXITY = 30.0
FEWEST_ROWS = 8  # for t-SNE; fewer are drawn on principal components
NEIGHBOURS = 10
ROWS_PER_COMPONENT = 5


def pca_map(features: np.ndarray, seed: int) -> np.ndarray:
    """The first two principal components of rows of length 1.

    Args:
        features: float, shape (rows, dimensions).
        seed: of the randomised decomposition of wide features.

    Returns:
        float32, shape (rows, 2); zeros where there is nothing to see.

    Raises:
        UserError: if features are not finite.
    """
    return _principal(normalize(checked(features)), 2, seed)


def tsne_map(features: np.ndarray, seed: int) -> np.ndarray:
    """t-SNE (van der Maaten and Hinton 2008) of rows of length 1: neighbours are those by cosine.

    It works on at most 50 principal components and starts from two of them. Perplexity is 30, less for fewer than about 90
    rows.

    Args:
        features: float, shape (rows, dimensions).
        seed: of the decomposition.

    Returns:
        float32, shape (rows, 2); of fewer than 8 rows the map of `pca_map`.

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
    """New points on a map: the mean of the positions of their 10 nearest rows (cosine), weighted by inverse distance.

    t-SNE itself cannot place a point that it has not seen.

    Args:
        point_features: float, shape (points, dimensions).
        features: float, shape (rows, dimensions), that the map was made of.
        positions: float, shape (rows, 2).

    Returns:
        float32, shape (points, 2); a point that is one of the rows has its position.

    Raises:
        UserError: if features are not finite or have another number of dimensions.
    """
    if point_features.ndim != 2 or point_features.shape[1] != features.shape[1]:
        raise UserError(
            f"points have the shape {point_features.shape} and the map was made of {features.shape[1]} dimensions; "
            "compute both with one model"
        )
    nearest = KNeighborsRegressor(min(NEIGHBOURS, len(features)), weights="distance", algorithm="brute")
    nearest.fit(normalize(checked(features)), positions)
    return np.asarray(nearest.predict(normalize(check_finite(point_features))), np.float32)


def stream_components(
    batches: Callable[[], Iterable[np.ndarray]], dimensions: int, whiten: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Principal components of more rows than memory holds (incremental: Ross et al. 2008), in one pass.

    ``(rows - mean) @ components.T`` projects rows.

    Args:
        batches: gives float batches of shape (rows, dimensions), of any sizes.
        dimensions: how many components.
        whiten: scale components so that projected rows have variance 1.

    Returns:
        Mean, float32 of shape (features,); components, float32 of shape (dimensions, features), those of the largest
        variance first; variances before whitening, float32 of shape (dimensions,).

    Raises:
        UserError: if there are fewer rows or features than components, or features that are not finite.
    """
    if dimensions < 1:
        raise UserError(f"the number of components must be 1 or more, not {dimensions}")
    found = IncrementalPCA(dimensions)
    waiting: list[np.ndarray] = []  # until there are several rows for each component
    rows = 0
    for batch in batches():
        waiting.append(check_finite(batch))
        rows += len(batch)
        if batch.shape[1] < dimensions:
            raise UserError(f"{dimensions} components cannot be made of {batch.shape[1]} dimensions; ask for fewer")
        if sum(map(len, waiting)) >= ROWS_PER_COMPONENT * dimensions:
            _fit_further(found, waiting)
            waiting = []
    if rows < max(2, dimensions):
        raise UserError(f"{dimensions} components cannot be made of a stream of {rows} rows; ask for fewer")
    if any(map(len, waiting)):
        _fit_further(found, waiting)
    scale = 1 / np.sqrt(np.maximum(found.explained_variance_, np.finfo(np.float32).tiny)) if whiten else 1.0
    components = found.components_ * np.reshape(scale, (-1, 1))
    return tuple(np.asarray(part, np.float32) for part in (found.mean_, components, found.explained_variance_))  # type: ignore[return-value]


def _fit_further(found: IncrementalPCA, parts: list[np.ndarray]) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):  # shares of a variance that is 0
        found.partial_fit(np.concatenate(parts))


def _principal(points: np.ndarray, most: int, seed: int) -> np.ndarray:
    components = min(most, *points.shape)
    projected = np.zeros((len(points), max(2, components)), np.float32)
    if not alike(points):
        projected[:, :components] = PCA(components, random_state=seed).fit_transform(points)
    return projected
