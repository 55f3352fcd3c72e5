"""Text baselines without a network: TF-IDF, and TF-IDF reduced by singular value decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from hf_ssl.modalities.baseline import AS_THEY_ARE, Baseline

DIMENSIONS = {"words": (32, 64, 128, 256, 512), "words and pairs": (128, 256)}
UNLABELLED_FIRST = 128  # dimensions, if there are no labels to choose by
PAIRS_FROM = 50  # rows: with fewer, all pairs of words are rare
MOST_PAIRS = 60_000  # maximum number of terms when pairs are included


class Tfidf(Baseline):
    """Words weighted by rarity, as rows of length 1 (Spärck Jones 1972); with and without pairs of words."""

    name = "tfidf"
    title = "TF-IDF"
    one_thread = True
    on_map = False

    def fit(self, inputs: Sequence[str]) -> None:
        """Fit vocabularies and weights."""
        self._weigh = {"words": fit_tfidf(inputs)}
        if len(inputs) >= PAIRS_FROM:
            self._weigh["words and pairs"] = fit_tfidf(inputs, pairs=True)

    def encode(self, inputs: Sequence[str]) -> dict[str, csr_matrix]:
        """Return sparse matrices of shape (texts, terms)."""
        return {terms: vectorizer.transform(inputs) for terms, vectorizer in self._weigh.items()}


class TfidfSvd(Baseline):
    """TF-IDF reduced by singular value decomposition (Deerwester et al. 1990) to several numbers of dimensions."""

    name = "tfidf_svd"
    title = "TF-IDF + SVD"
    one_thread = True

    def fit(self, inputs: Sequence[str]) -> None:
        """Fit vocabularies, weights and directions."""
        for terms in DIMENSIONS if len(inputs) >= PAIRS_FROM else ("words",):
            vectorizer = fit_tfidf(inputs, pairs=terms != "words")
            counted = vectorizer.transform(inputs)
            most = max(1, min(max(DIMENSIONS[terms]), min(counted.shape) - 1))
            with np.errstate(divide="ignore", invalid="ignore"):  # shares of zero variance, if all rows are identical
                svd = TruncatedSVD(most, random_state=self.seed).fit(counted)
            self.arrays |= {f"{terms} weights": vectorizer.idf_, f"{terms} directions": svd.components_}
            words = vectorizer.analyzer == "word"
            self.settings[terms] = {"terms": vectorizer.get_feature_names_out().tolist(), "words": words}

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return features of shape (texts, dimensions)."""
        found: dict[str, np.ndarray] = {}
        for terms, settings in self.settings.items():
            directions = self.arrays[f"{terms} directions"]
            reduced = _vectorizer(settings, self.arrays[f"{terms} weights"]).transform(inputs) @ directions.T
            # Directions are sorted by singular value, so fewer dimensions are the first columns.
            for size in sorted({min(size, len(directions)) for size in DIMENSIONS[terms]}):
                found[f"{terms}, {size} dimensions"] = reduced[:, :size]
        # All unchanged; only the default and the largest size are also rotated and whitened.
        words = [name for name in found if name.startswith("words, ")] or list(found)
        first = f"words, {UNLABELLED_FIRST} dimensions"
        rotated = dict.fromkeys([first if first in words else words[-1], words[-1]])
        return {name: found[name] for name in rotated} | {
            f"{name}, {AS_THEY_ARE}": each for name, each in found.items()
        }

    def keep(self, variant: str) -> None:
        """Discard other terms, and the directions beyond those of the variant."""
        terms, size = variant.removesuffix(f", {AS_THEY_ARE}").removesuffix(" dimensions").split(", ")
        weights, directions = (self.arrays[f"{terms} {name}"] for name in ("weights", "directions"))
        self.settings = {terms: self.settings[terms]}
        self.arrays = {f"{terms} weights": weights, f"{terms} directions": directions[: int(size)].astype(np.float32)}


def fit_tfidf(texts: Sequence[str], pairs: bool = False) -> TfidfVectorizer:
    """Fit TF-IDF on words, optionally with ``pairs`` of adjacent words, or on character n-grams if no word repeats."""
    terms: dict[str, Any] = {"ngram_range": (1, 2), "max_features": MOST_PAIRS} if pairs else {}
    try:
        return TfidfVectorizer(sublinear_tf=True, min_df=2 if len(texts) > 100 else 1, **terms).fit(texts)
    except ValueError:  # no word occurs twice: random letters, or a language without spaces
        return TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(1, 4), max_features=50_000).fit(texts)


def _vectorizer(settings: dict[str, Any], weights: np.ndarray) -> TfidfVectorizer:
    """Rebuild a fitted vectorizer: terms of one or two words, or of one to four characters."""
    kind: dict[str, Any] = {"ngram_range": (1, 2)} if settings["words"] else {"analyzer": "char", "ngram_range": (1, 4)}
    vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary=settings["terms"], **kind)
    vectorizer.idf_ = weights
    return vectorizer
