"""What text is worth without any network: TF-IDF against its definition, fewer dimensions of it, languages without spaces."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from conftest import sentences
from scipy.sparse import issparse

from hf_ssl.modalities.baseline import AS_THEY_ARE
from hf_ssl.modalities.text.baselines import DIMENSIONS, Tfidf, TfidfSvd, fit_tfidf
from hf_ssl.modalities.text.modality import Text

TEXTS = sentences(200)[0]


@pytest.fixture(scope="module")
def fitted():
    found = Text().baselines(0)
    for baseline in found:
        baseline.fit(TEXTS[:150])
    return found


def test_baselines_are_named_and_fit_their_rows(fitted):
    assert [baseline.name for baseline in fitted] == ["tfidf", "tfidf_svd"]
    for baseline in fitted:
        bank, test = baseline.encode(TEXTS[:150]), baseline.encode(TEXTS[150:])
        assert bank.keys() == test.keys()
        for variant, features in bank.items():
            assert features.shape[0] == 150
            assert test[variant].shape == (50, features.shape[1])
            assert np.isfinite(features.data if issparse(features) else features).all()


def test_tfidf_against_its_definition(fitted):
    found = fitted[0].encode(TEXTS[:150])["words"].toarray()
    vectorizer = fit_tfidf(TEXTS[:150])
    split = [vectorizer.build_analyzer()(text) for text in TEXTS[:150]]
    expected = np.zeros(found.shape)
    for place, term in enumerate(vectorizer.get_feature_names_out()):
        counts = np.array([words.count(term) for words in split])
        rarity = np.log((1 + 150) / (1 + (counts > 0).sum())) + 1
        expected[:, place] = np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * rarity, 0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(found, expected)


def test_fewer_dimensions_are_the_first_columns(fitted):
    found = fitted[1].encode(TEXTS)
    as_they_are = {name: table for name, table in found.items() if name.endswith(AS_THEY_ARE)}
    for terms, sizes in DIMENSIONS.items():
        tables = [table for name, table in as_they_are.items() if name.startswith(f"{terms}, ")]
        assert len(tables) <= len(sizes)
        for smaller, larger in itertools.pairwise(tables):
            assert np.array_equal(smaller, larger[:, : smaller.shape[1]])
    rotated = [name for name in found if not name.endswith(AS_THEY_ARE)]
    assert next(iter(found)) == rotated[0]  # the first is best without labels
    assert all(name.startswith("words, ") for name in rotated)


def test_what_was_learned_is_all_in_arrays_and_settings(fitted):
    """The demo keeps them, and makes the baseline again of them."""
    baseline, again = fitted[1], TfidfSvd()
    again.arrays, again.settings = baseline.arrays, json.loads(json.dumps(baseline.settings))
    for variant, features in baseline.encode(TEXTS[150:]).items():
        assert np.allclose(features, again.encode(TEXTS[150:])[variant])


@pytest.mark.parametrize("texts", [["我们走在大街上", "他们在家里", "我们在家里"], ["ACGT", "TTGA", "GGAC"]])
def test_texts_without_words_are_counted_by_letters(texts):
    for baseline in (Tfidf(), TfidfSvd()):
        baseline.fit(texts)
        for features in baseline.encode([*texts, "", "something else"]).values():
            assert features.shape[0] == len(texts) + 2


def test_rows_that_are_all_alike():
    baseline = TfidfSvd()
    baseline.fit(["rose and rose"] * 5)
    assert all(np.isfinite(features).all() for features in baseline.encode(["rose", "ship"]).values())
