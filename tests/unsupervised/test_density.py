"""Densities of made-up rows: the true one does best, what lies outside is unusual."""

from __future__ import annotations

import numpy as np
import pytest

from hf_ssl.common.errors import UserError
from hf_ssl.unsupervised.density import (
    METHODS,
    fit_density,
    held_out_log_likelihood,
    log_likelihoods,
    most_unusual,
)


def blobs(rows: int, distance: float, seed: int, dimensions: int = 6):
    generator = np.random.default_rng(seed)
    labels = generator.integers(4, size=rows)
    return np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions))


def gaussian(rows: int, seed: int, dimensions: int = 3):
    """On a small part of the sphere, so that rows of length 1 are nearly Gaussian."""
    return np.array([100.0, 0, 0, 0]) + np.pad(
        np.random.default_rng(seed).normal(size=(rows, dimensions)), ((0, 0), (1, 0))
    )


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_the_same_kind_are_likely_and_others_are_not(method):
    density = fit_density(blobs(800, 10, 0), method, 0)
    same, other = blobs(200, 10, 1), np.random.default_rng(2).normal(size=(200, 6))
    assert held_out_log_likelihood(density, same) > held_out_log_likelihood(density, other) + 2
    assert held_out_log_likelihood(density, same) == pytest.approx(log_likelihoods(density, same).mean())
    assert held_out_log_likelihood(density, same) == pytest.approx(density.held_out[density.choice], abs=1)


@pytest.mark.parametrize("method", METHODS)
def test_the_most_unusual_rows_are_those_that_lie_outside(method):
    features = blobs(500, 10, 0)
    features[[3, 77, 210]] = [[-9, -9, 0, 0, 0, 0], [0, 0, 0, 0, -9, 2], [0, 0, 0, 0, 2, -9]]
    density = fit_density(features, method, 0)
    unusual = most_unusual(density, features, 3)
    assert set(unusual.tolist()) == {3, 77, 210}
    values = log_likelihoods(density, features)[most_unusual(density, features, 500)]
    assert (np.diff(values) >= 0).all()


def test_one_component_is_chosen_for_one_gaussian_and_more_for_more():
    assert fit_density(gaussian(2000, 0), "gaussian_mixture", 0).choice == 1
    assert fit_density(blobs(2000, 10, 0), "gaussian_mixture", 0).choice >= 4


def test_a_gaussian_has_the_log_likelihood_of_a_gaussian():
    """Its three whitened directions: three times that of a standard normal variable."""
    density = fit_density(gaussian(4000, 0), "gaussian_mixture", 0)
    entropy = density.components.n_components_ * 0.5 * np.log(2 * np.pi * np.e)
    constant = density.components.n_components_ - 3  # the direction of the mean hardly varies and is whitened as well
    assert constant <= 1
    assert held_out_log_likelihood(density, gaussian(4000, 1)) == pytest.approx(-entropy, abs=0.7)


def test_kernels_are_narrower_where_rows_are_many():
    few, many = (fit_density(gaussian(rows, 0), "kernel_density", 0).choice for rows in (60, 4000))
    assert many < few


@pytest.mark.parametrize("method", METHODS)
def test_a_density_is_a_function_of_the_seed(method):
    first, second = (fit_density(blobs(100, 5, 0), method, 7) for _ in range(2))
    assert first.held_out == second.held_out
    rows = blobs(9, 5, 1)
    assert np.array_equal(log_likelihoods(first, rows), log_likelihoods(second, rows))
    assert log_likelihoods(first, rows[:1]) == pytest.approx(log_likelihoods(first, rows)[:1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rows", "dimensions"), [(10, 1), (10, 300), (12, 3)])
def test_few_rows_and_few_dimensions_have_a_density(method, rows, dimensions):
    features = np.random.default_rng(0).normal(size=(rows, dimensions))
    assert np.isfinite(log_likelihoods(fit_density(features, method, 0), features)).all()


def test_what_has_no_density_is_refused():
    features = blobs(50, 3, 0)
    with pytest.raises(UserError, match="no density 'flow'; choose one of gaussian_mixture"):
        fit_density(features, "flow", 0)
    with pytest.raises(UserError, match="only 9"):
        fit_density(features[:9], "kernel_density", 0)
    with pytest.raises(UserError, match="alike"):
        fit_density(np.ones((20, 3)), "kernel_density", 0)
    with pytest.raises(UserError, match="50 of 50 rows"):
        fit_density(features + np.nan, "kernel_density", 0)
    with pytest.raises(UserError, match=r"\(50, 5\) .* 6 dimensions"):
        log_likelihoods(fit_density(features, "kernel_density", 0), features[:, :5])
