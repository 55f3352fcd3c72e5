"""Ways to turn rows into points, which also take rows that come later."""

import abc
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from hf_ssl.evaluation.labelled import Labelled
from hf_ssl.evaluation.readout import AS_THEY_ARE, choose_for_clusters, whitening
from hf_ssl.pretrained import Pretrained

UNCHOSEN_POWER = 0.25  # of whitening, where there are no labels to choose by
Candidates = dict[str, tuple[Any, Any]]


class Features(abc.ABC):
    """One way. What is chosen (dimensions, layer, whitening) is chosen on labelled rows of the bank, for all ways alike.

    Attributes:
        name: for answers.
        title: for people.
        family: "baseline", "untrained" or "pretrained".
        arrays: what was learned: "mean" and "matrix", where raw features are shifted and rotated.
        settings: JSON: what else was learned.
    """

    def __init__(self, name: str, title: str, family: str) -> None:
        """Name it."""
        self.name, self.title, self.family = name, title, family
        self.arrays: dict[str, np.ndarray] = {}
        self.settings: dict[str, Any] = {}

    @abc.abstractmethod
    def fit(self, bank: Labelled) -> None:
        """Learn and choose from rows that are not shown; a label of -1 is none."""

    @abc.abstractmethod
    def raw(self, inputs: Sequence[Any]) -> Any:
        """Features before they are rotated: an array or a sparse matrix of shape (inputs, dimensions)."""

    def encode(self, inputs: Sequence[Any]) -> np.ndarray:
        """Features of any rows: float32, shape (inputs, dimensions)."""
        found = self.raw(inputs)
        if "matrix" in self.arrays:
            found = found @ self.arrays["matrix"]
        if "mean" in self.arrays:
            found = found - self.arrays["mean"] @ self.arrays["matrix"]
        return np.asarray(found, np.float32)


class Network(Features):
    """A network's hidden states: the best of its layers, rotated and whitened or not."""

    def __init__(self, name: str, title: str, family: str, run: Pretrained, encoder: Any) -> None:
        """Name it, with the run that knows how to feed the encoder."""
        super().__init__(name, title, family)
        self._run, self._encoder = run, encoder
        self._lock = threading.Lock()  # what is hidden from an encoder is set in the encoder

    def fit(self, bank: Labelled) -> None:
        """Choose the layer and how much it is whitened."""
        layers = dict(reversed(self._layers(bank.inputs).items()))  # the last one first
        layer, power, as_it_is = next(iter(layers)), UNCHOSEN_POWER, False
        if (bank.labels >= 0).any():
            candidates: Candidates = {}
            for name, found in layers.items():
                candidates |= {name: (found, None), f"{name}, {AS_THEY_ARE}": (found, None)}
            chosen, power = choose_for_clusters(candidates, bank.labels)
            layer, as_it_is = chosen.removesuffix(f", {AS_THEY_ARE}"), chosen.endswith(AS_THEY_ARE)
        directions = None if as_it_is else whitening(layers[layer], power)
        if directions is not None:
            self.arrays = {"mean": directions[0], "matrix": directions[1]}
        self.settings = {"layer": layer}

    def raw(self, inputs: Sequence[Any]) -> np.ndarray:
        """The chosen layer."""
        return self._layers(inputs)[self.settings["layer"]]

    def _layers(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        with self._lock:
            return self._run.embed(self._encoder, inputs, self.title)
