"""Feature checks shared by all methods; principal components and whitening."""

from __future__ import annotations

import numpy as np
import psutil
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from hf_ssl.common.errors import UserError

MOST_FITTED = 20_000  # rows to fit directions on
ROWS_AT_ONCE = 4096  # checked for non-finite values; avoids a mask of all rows


def check_shape(features: np.ndarray) -> None:
    """Check that features are a matrix of at least two rows.

    Raises:
        UserError: if they are not.
    """
    if features.ndim != 2 or features.shape[1] < 1:
        raise UserError(f"features have the shape {features.shape}; give a matrix of (rows, dimensions)")
    if len(features) < 2:
        raise UserError(f"there are {len(features)} rows of features; at least 2 are needed")


def check_finite(features: np.ndarray) -> np.ndarray:
    """Return the features as float32 or float64 after checking that they are finite.

    Args:
        features: numbers, shape (rows, dimensions).

    Raises:
        UserError: if rows hold NaN or infinite values, with their number and the first row.
    """
    if features.dtype not in (np.float32, np.float64):
        features = features.astype(np.float32)
    parts = range(0, len(features), ROWS_AT_ONCE)
    bad = [begin + np.flatnonzero(~np.isfinite(features[begin : begin + ROWS_AT_ONCE]).all(1)) for begin in parts]
    rows = np.concatenate(bad) if bad else np.array([], np.int64)
    if len(rows):
        raise UserError(
            f"{len(rows)} of {len(features)} rows of features hold NaN or infinite values (the first is row {rows[0]}); "
            "leave them out or fix how they are computed"
        )
    return features


def checked(features: np.ndarray) -> np.ndarray:
    """Return the features after checking shape and values (see `check_shape` and `check_finite`)."""
    check_shape(features)
    return check_finite(features)


def check_memory(needed: float, what: str) -> None:
    """Check that enough memory is available before allocating it.

    Args:
        needed: bytes.
        what: a singular noun phrase for the error message.

    Raises:
        UserError: if it is not.
    """
    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"{what} needs about {needed / 2**30:,.1f} GiB of memory and {available / 2**30:,.1f} GiB are available; "
            "ask for fewer clusters or give fewer rows"
        )


def sample_rows(rows: int, most: int, seed: int) -> np.ndarray:
    """Draw at most ``most`` rows without replacement and return their sorted indices; all rows if there are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def alike(points: np.ndarray) -> bool:
    """Return whether all rows, each of length 1 or 0, are identical up to rounding."""
    tolerance = 4 * float(np.finfo(points.dtype).eps)
    parts = range(0, len(points), ROWS_AT_ONCE)
    return all(bool(np.abs(points[begin : begin + ROWS_AT_ONCE] - points[0]).max() <= tolerance) for begin in parts)


def few_components(features: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return principal components of unit-length rows, jointly scaled to a mean variance of 1.

    Args:
        features: float, shape (rows, dimensions).
        most: maximum number of components.
        seed: seed of the sample that directions are fitted on, if there are more than 20,000 rows.

    Returns:
        float32, shape (rows, components): at least one; components of negligible variance are dropped.
    """
    points = normalize(features)
    fitted = points[sample_rows(len(points), MOST_FITTED, seed)]
    solver = "covariance_eigh" if fitted.shape[0] >= fitted.shape[1] else "full"
    pca = PCA(min(most, *fitted.shape), svd_solver=solver).fit(fitted)
    variance = np.maximum(pca.explained_variance_, 0)
    kept = variance > variance[0] * 1e-6
    kept[0] = True
    scale = np.sqrt(variance[kept].mean()) or 1.0
    return np.asarray(pca.transform(points)[:, kept] / scale, np.float32)


MOST_DIMENSIONS = 128
MOST_WHITENED_FROM = 8000  # rows to fit directions on
UNCHOSEN_POWER = 0.25  # if there are no labels to choose by


def whiten(bank: np.ndarray, test: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Project on at most 128 principal components of the bank and divide each by a power of its variance."""
    directions = whitening(bank, power)
    if directions is None:
        return bank, test
    mean, matrix = directions
    return (bank - mean) @ matrix, (test - mean) @ matrix


def whitening(bank: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the mean, (dimensions,), and matrix, (dimensions, components), of `whiten`; None if all rows are identical."""
    learned_from = bank[:MOST_WHITENED_FROM]
    if alike(learned_from):  # no directions to fit
        return None
    rows, columns = learned_from.shape
    solver = "covariance_eigh" if rows >= columns else "full"
    pca = PCA(min(MOST_DIMENSIONS, rows, columns), svd_solver=solver).fit(learned_from)
    variance = pca.explained_variance_
    kept = variance > variance[0] * 1e-6
    scale = (variance[kept] ** -power).astype(np.float32)
    return pca.mean_, (pca.components_[kept].T * scale).astype(bank.dtype)
