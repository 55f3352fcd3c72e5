"""What every method here asks of its features, and the few principal components that most of them work on."""

import numpy as np
import psutil
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from hf_ssl.errors import UserError

MOST_FITTED = 20_000  # rows that directions are learned from
ROWS_AT_ONCE = 4096  # that are looked at for what is not finite: no mask of all of them


def check_shape(features: np.ndarray) -> None:
    """Refuse what is no matrix of two rows or more.

    Raises:
        UserError: if the shape is another one.
    """
    if features.ndim != 2 or features.shape[1] < 1:
        raise UserError(f"features have the shape {features.shape}; give a matrix of (rows, dimensions)")
    if len(features) < 2:
        raise UserError(f"there are {len(features)} rows of features, which have no structure; give 2 or more")


def check_finite(features: np.ndarray) -> np.ndarray:
    """The features as float32 or float64.

    Args:
        features: numbers, shape (rows, dimensions).

    Raises:
        UserError: if rows hold NaN or infinite values: how many and the first of them.
    """
    if features.dtype not in (np.float32, np.float64):
        features = features.astype(np.float32)
    parts = range(0, len(features), ROWS_AT_ONCE)
    bad = [begin + np.flatnonzero(~np.isfinite(features[begin : begin + ROWS_AT_ONCE]).all(1)) for begin in parts]
    rows = np.concatenate(bad) if bad else np.array([], np.int64)
    if len(rows):
        raise UserError(
            f"{len(rows)} of {len(features)} rows of features hold NaN or infinite values (the first is row {rows[0]}); "
            "leave them out or mend what computed them"
        )
    return features


def checked(features: np.ndarray) -> np.ndarray:
    """Features that have been checked for shape and values (see `check_shape` and `check_finite`)."""
    check_shape(features)
    return check_finite(features)


def check_memory(needed: float, what: str) -> None:
    """Refuse what would not fit, before any of it is taken.

    Args:
        needed: bytes.
        what: a noun in the singular, for the sentence.

    Raises:
        UserError: if less memory is available.
    """
    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"{what} needs about {needed / 2**30:,.1f} GiB of memory and {available / 2**30:,.1f} GiB are available; "
            "ask for fewer clusters or give fewer rows"
        )


def sample_rows(rows: int, most: int, seed: int) -> np.ndarray:
    """Sorted indices of at most ``most`` rows, drawn without replacement; all of them in order where they are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def alike(points: np.ndarray) -> bool:
    """Whether all rows, each of length 1 or 0, are the same but for rounding."""
    tolerance = 4 * float(np.finfo(points.dtype).eps)
    parts = range(0, len(points), ROWS_AT_ONCE)
    return all(bool(np.abs(points[begin : begin + ROWS_AT_ONCE] - points[0]).max() <= tolerance) for begin in parts)


def few_components(features: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Principal components of rows of length 1, scaled together so that their mean variance is 1.

    Args:
        features: float, shape (rows, dimensions).
        most: components at most.
        seed: of the rows that directions are learned from, where there are more than 20,000.

    Returns:
        float32, shape (rows, components): at least one; those whose variance is next to nothing are left out.
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
