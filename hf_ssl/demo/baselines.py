"""Features that need no network, and take rows that come later."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from hf_ssl.demo.features import UNCHOSEN_POWER, Candidates, Features
from hf_ssl.evaluation.labelled import Labelled
from hf_ssl.evaluation.readout import AS_THEY_ARE, choose_for_clusters, whitening
from hf_ssl.evaluation.text_baselines import fit_tfidf

DIMENSIONS = (32, 64, 128)
POWERS = (0.25, 0.5)  # of whitening
UNCHOSEN_SIZE = 64  # where there are no labels to choose by
SEED = 0


class Tfidf(Features):
    """TF-IDF reduced by a singular value decomposition, in the best of three dimensions."""

    def fit(self, bank: Labelled) -> None:
        """Learn terms, their weights and directions."""
        self._vectorizer = fit_tfidf(bank.inputs)
        counted = self._vectorizer.transform(bank.inputs)
        most = max(1, min(max(DIMENSIONS), min(counted.shape) - 1))
        with np.errstate(divide="ignore", invalid="ignore"):  # shares of no variance, where all rows are alike
            directions = TruncatedSVD(most, random_state=SEED).fit(counted).components_.T.astype(np.float32)
        sizes = {f"{min(size, most)} dimensions, {AS_THEY_ARE}": min(size, most) for size in DIMENSIONS}
        chosen = min(UNCHOSEN_SIZE, most)
        if (bank.labels >= 0).any():
            reduced = counted @ directions
            candidates: Candidates = {name: (reduced[:, :size], None) for name, size in sizes.items()}
            chosen = sizes[choose_for_clusters(candidates, bank.labels)[0]]
        words = self._vectorizer.analyzer == "word"
        self.arrays = {"matrix": directions[:, :chosen], "weights": self._vectorizer.idf_}
        self.settings = {"terms": self._vectorizer.get_feature_names_out().tolist(), "words": words}

    def raw(self, inputs: Sequence[str]) -> Any:
        """Weighted terms, sparse."""
        return self._weigh.transform(inputs)

    @property
    def _weigh(self) -> TfidfVectorizer:
        if not hasattr(self, "_vectorizer"):  # read back from files
            kind = {} if self.settings["words"] else {"analyzer": "char", "ngram_range": (1, 4)}
            vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary=self.settings["terms"], **kind)
            vectorizer.idf_ = self.arrays["weights"]
            self._vectorizer = vectorizer
        return self._vectorizer


class Pixels(Features):
    """Pixels along their leading directions, not centred: cosines are as before."""

    def fit(self, bank: Labelled) -> None:
        """Learn the directions."""
        flat = self.raw(bank.inputs)
        if min(flat.shape) > max(DIMENSIONS):
            directions = TruncatedSVD(max(DIMENSIONS), n_iter=2, random_state=SEED).fit(flat).components_
            self.arrays = {"matrix": directions.T.astype(np.float32)}

    def raw(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Pixels in [0, 1], one after the other."""
        return np.stack(inputs).reshape(len(inputs), -1).astype(np.float32) / 255


class WhitenedPixels(Pixels):
    """Principal components of pixels, whitened: the best of three numbers and two powers."""

    def fit(self, bank: Labelled) -> None:
        """Learn directions and spreads."""
        flat = self.raw(bank.inputs)
        rotation = whitening(flat, 0.0)
        if rotation is None:  # all images are alike
            return
        mean, directions = rotation
        rotated = (flat - mean) @ directions
        variance = rotated.var(0)
        sizes = {f"{size} {power}, {AS_THEY_ARE}": (size, power) for size in DIMENSIONS for power in POWERS}
        size, power = UNCHOSEN_SIZE, UNCHOSEN_POWER
        if (bank.labels >= 0).any():
            candidates: Candidates = {
                name: (rotated[:, :size] * variance[:size] ** -power, None) for name, (size, power) in sizes.items()
            }
            size, power = sizes[choose_for_clusters(candidates, bank.labels)[0]]
        self.arrays = {"mean": mean, "matrix": directions[:, :size] * variance[:size] ** -power}
