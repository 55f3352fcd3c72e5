"""Density estimation of features, and the most unusual rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import normalize

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised.features import alike, check_finite, checked, sample_rows
from hf_ssl.unsupervised.methods import fit_mixture

METHODS = ("gaussian_mixture", "kernel_density")
MOST_ROWS = 10_000  # to fit a density on
COMPONENTS = {"gaussian_mixture": 16, "kernel_density": 6}  # in high dimensions, kernels need many rows
LEAST_VARIANCE = 1e-3  # of a component, relative to the first one
HELD_OUT = 0.2
FEWEST_ROWS = 10  # per component of a mixture
MIXTURE_SIZES = (1, 2, 4, 8, 16, 32)
BANDWIDTHS = tuple(np.logspace(0.3, -1.2, 8).tolist())  # in standard deviations


@dataclass(frozen=True)
class Density:
    """A density of features on a few whitened principal components.

    Attributes:
        method: one of METHODS.
        components: maps unit-length rows to the components, each scaled to variance 1.
        model: scikit-learn model with ``score_samples``.
        choice: number of components of the mixture, or bandwidth of the kernel.
        held_out: choice -> mean log-likelihood (nats per row) of the fifth of the rows held out for the choice.
    """

    method: str
    components: PCA
    model: Any
    choice: float
    held_out: dict[float, float]


def fit_density(features: np.ndarray, method: str, seed: int) -> Density:
    """Fit a density, choosing its one setting by the log-likelihood of a held-out fifth of the rows.

    The simplest within one standard error of the best (Hastie et al. 2009, 7.10) is refitted on up to 10,000 rows.

    Args:
        features: float, shape (rows, dimensions); vector lengths are ignored.
        method: "gaussian_mixture" (diagonal; on at most 16 components) or "kernel_density" (Gaussian; on at most 6).
        seed: seed of samples and initialisations.

    Raises:
        UserError: if there is no such method, features are not finite or all identical, or there are fewer than 10 rows.
    """
    if method not in METHODS:
        raise UserError(f"there is no density '{method}'; choose one of {', '.join(METHODS)}")
    rows = normalize(checked(features))
    if len(rows) < 10 or alike(rows):
        reason = "are all alike" if len(rows) >= 10 else f"are only {len(rows)}"
        raise UserError(f"the rows of features {reason}: a density needs 10 or more that differ")
    rows = rows[sample_rows(len(rows), MOST_ROWS, seed)]
    # At most one component per three rows: with more, whitening makes all distances between few rows equal.
    components = PCA(min(COMPONENTS[method], rows.shape[1], len(rows) // 3), whiten=True, random_state=seed).fit(rows)
    varied = int((components.explained_variance_ > LEAST_VARIANCE * components.explained_variance_[0]).sum())
    components = components.set_params(n_components=varied).fit(rows)  # whitening would amplify the others
    points = components.transform(rows).astype(np.float64)
    order = np.random.default_rng(seed).permutation(len(points))
    left_out, kept = np.split(points[order], [max(1, round(HELD_OUT * len(points)))])
    simplest_first = MIXTURE_SIZES if method == "gaussian_mixture" else BANDWIDTHS
    settings = [setting for setting in simplest_first if method == "kernel_density" or 5 * setting <= len(kept)]
    scores = np.stack([_fit(kept, method, setting, seed).score_samples(left_out) for setting in settings])
    choice = settings[_simplest_good(scores)]
    held_out = dict(zip(settings, scores.mean(1).tolist(), strict=True))
    return Density(method, components, _fit(points, method, choice, seed), choice, held_out)


def log_likelihoods(density: Density, features: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of every row on the density's components, in nats: float64, shape (rows,).

    Raises:
        UserError: if features are not finite or have another number of dimensions.
    """
    if features.ndim != 2 or features.shape[1] != density.components.n_features_in_:
        raise UserError(
            f"features have the shape {features.shape} and the density was fitted on "
            f"{density.components.n_features_in_} dimensions; compute both with the same model"
        )
    points = density.components.transform(normalize(check_finite(features))).astype(np.float64)
    return np.asarray(density.model.score_samples(points))


def held_out_log_likelihood(density: Density, features: np.ndarray) -> float:
    """Return the mean log-likelihood of unseen rows, in nats; a standard normal density has -1.42 per component."""
    return float(log_likelihoods(density, features).mean())


def most_unusual(density: Density, features: np.ndarray, count: int) -> np.ndarray:
    """Return the indices (int64) of the ``count`` least likely rows, least likely first."""
    return np.argsort(log_likelihoods(density, features), kind="stable")[:count]


def _simplest_good(scores: np.ndarray) -> int:
    """Return the first setting that is worse than the best by at most the standard error of the difference."""
    behind = scores[scores.mean(1).argmax()] - scores
    return int(np.argmax(behind.mean(1) <= behind.std(1) / np.sqrt(scores.shape[1])))


def _fit(points: np.ndarray, method: str, setting: float, seed: int) -> Any:
    if method == "gaussian_mixture":
        return _without_rare_components(fit_mixture(points, int(setting), "diag", seed), len(points))
    return KernelDensity(bandwidth=setting).fit(points)


def _without_rare_components(mixture: GaussianMixture, rows: int) -> GaussianMixture:
    """Remove components of only a few rows, as they would make unusual rows likely."""
    kept = mixture.weights_ * rows >= min(FEWEST_ROWS, mixture.weights_.max() * rows)
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        setattr(mixture, name, getattr(mixture, name)[kept])
    mixture.weights_ = mixture.weights_ / mixture.weights_.sum()
    return mixture
