"""What series are worth without any network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hf_ssl.modalities.baseline import AS_THEY_ARE, Baseline
from modalities.toy.numbers.series import Series

BINS = 8


class Moments(Baseline):
    """Mean, spread, extremes and length."""

    name = "moments"
    title = "moments"

    def fit(self, inputs: Sequence[Series]) -> None:
        """Learn nothing."""

    def encode(self, inputs: Sequence[Series]) -> dict[str, np.ndarray]:
        """Return shape (series, 5)."""
        found = [(v.mean(), v.std(), v.min(), v.max(), len(v)) for v in (each.values for each in inputs)]
        features = np.array(found, np.float32)
        return {"moments": features, f"moments, {AS_THEY_ARE}": features}


class Histogram(Baseline):
    """Shares of the numbers in bins that are equally full in the bank."""

    name = "histogram"
    title = "histogram"
    one_thread = True

    def fit(self, inputs: Sequence[Series]) -> None:
        """Learn the edges."""
        everything = np.concatenate([each.values for each in inputs])
        self.arrays["edges"] = np.quantile(everything, np.linspace(0, 1, BINS + 1)[1:-1])

    def encode(self, inputs: Sequence[Series]) -> dict[str, np.ndarray]:
        """Return shape (series, bins)."""
        counts = [np.bincount(np.searchsorted(self.arrays["edges"], v.values), minlength=BINS) for v in inputs]
        features = np.array([count / count.sum() for count in counts], np.float32)
        return {"shares": features, "roots": np.sqrt(features)}
