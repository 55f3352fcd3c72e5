"""Ways to turn rows into points, which also take rows that come later."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from hf_ssl.evaluation.measured_rows import Labelled
from hf_ssl.evaluation.readout import FeatureChoice, choose_for_clusters, taken_as_they_are
from hf_ssl.modalities.baseline import AS_THEY_ARE
from hf_ssl.runs.pretrained import Pretrained
from hf_ssl.unsupervised.features import UNCHOSEN_POWER, whitening

LEARNED, WHITENING = "learned ", "whitening "  # before the names of arrays that are saved
State = tuple[dict[str, np.ndarray], dict[str, Any]]


class Variants(Protocol):
    """Makes variants of features of inputs; a `Baseline` does, and a `Network`."""

    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]

    def fit(self, inputs: Sequence[Any]) -> None:
        """Learn from inputs, into ``arrays`` and ``settings``."""
        ...

    def encode(self, inputs: Sequence[Any]) -> dict[str, Any]:
        """Return variant -> features of shape (inputs, dimensions); the first is best without labels."""
        ...

    def keep(self, variant: str) -> None:
        """Forget what only other variants need."""
        ...


class Network:
    """The layers of a network, the last one first: each to be rotated and whitened, and each as it is.

    Attributes:
        arrays: empty: everything was learned before.
        settings: empty.
    """

    def __init__(self, run: Pretrained, encoder: Any, title: str) -> None:
        """Take an encoder, the run that knows how to feed it, and a title for its progress."""
        self.arrays: dict[str, np.ndarray] = {}
        self.settings: dict[str, Any] = {}
        self._run, self._encoder, self._title = run, encoder, title
        self._lock = threading.Lock()  # what is hidden from an encoder is set in the encoder

    def fit(self, inputs: Sequence[Any]) -> None:
        """Learn nothing."""
        del inputs

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return mean-pooled hidden states: float32, shape (inputs, dimensions)."""
        with self._lock:
            layers = dict(reversed(self._run.embed(self._encoder, inputs, self._title).items()))
        return layers | {f"{name}, {AS_THEY_ARE}": found for name, found in layers.items()}

    def keep(self, variant: str) -> None:
        """Forget nothing."""
        del variant


class Features:
    """One way to turn rows into points: the variant and the whitening that suit clusters of the bank best.

    Attributes:
        name: for answers.
        title: for people.
        family: "baseline", "untrained" or "pretrained".
    """

    def __init__(self, name: str, title: str, family: str, source: Variants) -> None:
        """Name it."""
        self.name, self.title, self.family = name, title, family
        self._source = source
        self._variant = ""
        self._directions: dict[str, np.ndarray] = {}  # "mean" and "matrix", where features are rotated

    def fit(self, bank: Labelled) -> None:
        """Learn and choose from rows that are not shown; without labels the first variant is taken, mildly whitened."""
        self._source.fit(bank.inputs)
        variants = self._source.encode(bank.inputs)
        choice = FeatureChoice(next(iter(variants)), UNCHOSEN_POWER, 0.0)
        if (bank.labels >= 0).any():
            choice = choose_for_clusters({name: (found, found) for name, found in variants.items()}, bank.labels)
        chosen = variants[choice.variant]
        directions = None if taken_as_they_are(choice.variant, chosen) else whitening(chosen, choice.power)
        self._directions = {} if directions is None else dict(zip(("mean", "matrix"), directions, strict=True))
        self._variant = choice.variant
        self._source.keep(choice.variant)

    def encode(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return features of any rows: float32, shape (inputs, dimensions)."""
        found = self._source.encode(inputs)[self._variant]
        if self._directions:
            found = (found - self._directions["mean"]) @ self._directions["matrix"]
        return np.asarray(found, np.float32)

    def state(self) -> State:
        """Return what `fit` learned: named arrays, and JSON."""
        arrays = {f"{LEARNED}{name}": array for name, array in self._source.arrays.items()}
        arrays |= {f"{WHITENING}{name}": array for name, array in self._directions.items()}
        return arrays, {"variant": self._variant, "learned": self._source.settings}

    def restore(self, state: State) -> None:
        """Take what `state` returned; other arrays are left alone."""
        arrays, settings = state
        self._source.arrays, self._directions = (
            {name.removeprefix(kind): array for name, array in arrays.items() if name.startswith(kind)}
            for kind in (LEARNED, WHITENING)
        )
        self._source.settings, self._variant = settings["learned"], settings["variant"]
