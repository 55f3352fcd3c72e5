"""Intervals: as wide as theory says, paired where rows are the same."""

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from hf_ssl.evaluation.intervals import (
    accuracy_interval,
    agreement_difference,
    agreement_interval,
    difference_interval,
)


def test_one_draw_has_the_interval_of_a_share():
    right = np.random.default_rng(0).random((1, 2000)) < 0.8
    found = accuracy_interval(right, seed=0)
    assert found["mean"] == pytest.approx(right.mean())
    half = 1.96 * np.sqrt(0.8 * 0.2 / 2000)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(half, rel=0.15)


def test_draws_that_differ_widen_it():
    generator = np.random.default_rng(0)
    alike = np.stack([generator.random(2000) < 0.7 for _ in range(5)])
    apart = np.stack([generator.random(2000) < share for share in (0.5, 0.6, 0.7, 0.8, 0.9)])
    widths = [found["high"] - found["low"] for found in (accuracy_interval(right, 0) for right in (alike, apart))]
    assert widths[1] > 4 * widths[0]


def test_a_difference_on_the_same_rows_is_surer_than_two_intervals():
    generator = np.random.default_rng(0)
    hard = generator.random(1000) < 0.3
    worse = ~hard
    better = ~hard | (generator.random(1000) < 0.1)
    found = difference_interval(better[None], worse[None], seed=0)
    assert found["low"] > 0
    alone = [accuracy_interval(right[None], 0) for right in (worse, better)]
    assert alone[0]["high"] > alone[1]["low"]  # apart they could be alike
    none = difference_interval(worse[None], worse[None], seed=0)
    assert none == {"mean": 0, "low": 0, "high": 0}


def test_agreement_of_clusters():
    generator = np.random.default_rng(0)
    labels = generator.integers(4, size=600)
    good = np.stack([np.where(generator.random(600) < 0.9, labels, 0) for _ in range(3)])
    noise = generator.integers(4, size=(3, 600))
    score = normalized_mutual_info_score
    found = agreement_interval(score, labels, good, 0)
    assert found["low"] <= found["mean"] <= found["high"]
    assert agreement_difference(score, labels, good, noise, 0)["low"] > 0.4
    same = agreement_difference(score, labels, noise, noise[::-1], 0)
    assert same["low"] <= 0 <= same["high"]
    assert agreement_interval(score, labels, good, 0) == found
    by_chance = agreement_interval(score, labels, noise, 0)  # rows drawn twice agree with each other
    assert by_chance["low"] < by_chance["mean"] < by_chance["high"] < 0.02
