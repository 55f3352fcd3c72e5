"""Features of rows: which variant is chosen, what is kept of it."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest
from conftest import sentences

from hf_ssl.demo.points import Features
from hf_ssl.evaluation.measured_rows import Labelled
from hf_ssl.modalities.text.baselines import TfidfSvd


class Variants:
    """Features that were made up: variant -> array."""

    arrays: ClassVar = {}
    settings: ClassVar = {}

    def __init__(self, **found) -> None:
        self.found = found

    def fit(self, inputs) -> None:
        self.fitted = inputs

    def encode(self, inputs):
        return {name: each[list(inputs)] for name, each in self.found.items()}

    def keep(self, variant):
        self.found = {variant: self.found[variant]}


def stretched(labels: np.ndarray) -> np.ndarray:
    """A direction of small variance says what the labels are, one of large variance says nothing."""
    generator = np.random.default_rng(0)
    told = labels + generator.normal(0, 0.05, len(labels))
    return np.stack([told, generator.normal(0, 20, len(labels)), generator.normal(0, 0.1, len(labels))], 1)


def test_features_are_chosen_by_labels_of_the_bank():
    labels = np.arange(120) % 2
    noise = np.random.default_rng(1).normal(size=(120, 3))
    features = Features("made", "made", "baseline", Variants(noise=noise, told=stretched(labels)))
    features.fit(Labelled(list(range(120)), labels))
    arrays, settings = features.state()
    assert settings["variant"] == "told"
    points = features.encode(range(120))
    assert points.dtype == np.float32
    spreads = points.std(0)
    assert spreads.max() / spreads.min() < 3  # whitened in full: the large direction hides the labels no more
    again = Features("made", "made", "baseline", Variants(noise=noise, told=stretched(labels)))
    again.restore((arrays | {"computed points": points}, json.loads(json.dumps(settings))))
    assert (again.encode(range(5)) == points[:5]).all()


@pytest.mark.parametrize("terms", ["words", "words and pairs"])
def test_a_baseline_keeps_what_its_chosen_variant_needs(terms):
    texts, _ = sentences(80)
    whole, few = TfidfSvd(0), TfidfSvd(0)
    whole.fit(texts)
    few.fit(texts)
    name = next(name for name in whole.encode(texts) if name.startswith(f"{terms}, "))
    few.keep(name)
    assert sum(array.nbytes for array in few.arrays.values()) < sum(array.nbytes for array in whole.arrays.values()) / 2
    for asked in (texts[:7], ["a text of no word that was there"]):
        np.testing.assert_allclose(few.encode(asked)[name], whole.encode(asked)[name], atol=1e-6)


def test_without_labels_the_first_variant_is_taken_and_whitened_mildly():
    none = Labelled(list(range(120)), np.full(120, -1))
    told = stretched(np.arange(120) % 2)
    features = Features("made", "made", "baseline", Variants(told=told, other=told))
    features.fit(none)
    assert features.state()[1]["variant"] == "told"
    variances = features.encode(range(120)).var(0)
    whole = np.sort(told.var(0))[::-1]
    assert variances == pytest.approx(np.sqrt(whole), rel=0.02)  # to the power of 1 - 2 / 4
    plain = Features("made", "made", "baseline", Variants(**{"told, as they are": told}))
    plain.fit(none)
    assert (plain.encode(range(120)) == told.astype(np.float32)).all()
