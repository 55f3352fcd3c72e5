"""Intervals: as wide as theory says, paired where rows are the same."""

from __future__ import annotations

import numpy as np
import pytest

from hf_ssl.evaluation.intervals import (
    Draws,
    accuracy_difference,
    accuracy_interval,
    agreement_difference,
    agreement_interval,
)
from hf_ssl.evaluation.metrics import Accuracy, NormalizedMutualInformation


def answers(right: np.ndarray) -> Draws:
    """Predictions of two labels that are right where that is asked for."""
    labels = np.arange(right.shape[-1]) % 2
    return Draws(labels, np.where(right, labels, 1 - labels))


def test_one_draw_has_the_interval_of_a_share():
    right = np.random.default_rng(0).random((1, 2000)) < 0.8
    draws = answers(right)
    assert np.array_equal(draws.right, right)
    found = accuracy_interval(draws, seed=0)
    assert found["mean"] == pytest.approx(right.mean())
    half = 1.96 * np.sqrt(0.8 * 0.2 / 2000)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(half, rel=0.15)


def test_draws_that_differ_widen_it():
    generator = np.random.default_rng(0)
    alike = np.stack([generator.random(2000) < 0.7 for _ in range(5)])
    apart = np.stack([generator.random(2000) < share for share in (0.5, 0.6, 0.7, 0.8, 0.9)])
    found = [accuracy_interval(answers(right), 0) for right in (alike, apart)]
    widths = [each["high"] - each["low"] for each in found]
    assert widths[1] > 4 * widths[0]
    assert found[1]["mean"] == pytest.approx(answers(apart).mean(Accuracy())) == pytest.approx(apart.mean())


def test_a_difference_on_the_same_rows_is_surer_than_two_intervals():
    generator = np.random.default_rng(0)
    hard = generator.random(1000) < 0.3
    worse = answers(~hard[None])
    better = answers((~hard | (generator.random(1000) < 0.1))[None])
    found = accuracy_difference(better, worse, seed=0)
    assert found["low"] > 0
    assert found["mean"] == pytest.approx(better.right.mean() - worse.right.mean())
    alone = [accuracy_interval(draws, 0) for draws in (worse, better)]
    assert alone[0]["high"] > alone[1]["low"]  # apart they could be alike
    none = accuracy_difference(worse, worse, seed=0)
    assert none == {"mean": 0, "low": 0, "high": 0}


def test_agreement_of_clusters():
    generator = np.random.default_rng(0)
    labels = generator.integers(4, size=600)
    good = Draws(labels, np.stack([np.where(generator.random(600) < 0.9, labels, 0) for _ in range(3)]))
    noise = Draws(labels, generator.integers(4, size=(3, 600)))
    metric = NormalizedMutualInformation()
    found = agreement_interval(metric, good, 0)
    assert found["low"] <= found["mean"] <= found["high"]
    assert found["mean"] == pytest.approx(np.mean([metric.of(labels, each) for each in good.predictions]))
    assert agreement_difference(metric, good, noise, 0)["low"] > 0.4
    same = agreement_difference(metric, noise, Draws(labels, noise.predictions[::-1]), 0)
    assert same["low"] <= 0 <= same["high"]
    assert agreement_interval(metric, good, 0) == found
    by_chance = agreement_interval(metric, noise, 0)  # rows drawn twice agree with each other
    assert by_chance["low"] < by_chance["mean"] < by_chance["high"] < 0.02
