"""Baseline features that need no training of a network, which pretraining must beat."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

AS_THEY_ARE = "as they are"  # variants with this suffix are neither rotated nor whitened


class Baseline(abc.ABC):
    """A method that turns inputs into features, fitted on a bank of inputs.

    Attributes:
        name: name in results and file names.
        title: name shown to people.
        on_map: whether its features suit maps and all clustering methods (dense and fast).
        one_thread: whether more threads would only wait for each other.
        arrays: learned state, as arrays.
        settings: other learned state, as JSON.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    on_map: ClassVar[bool] = True
    one_thread: ClassVar[bool] = False

    def __init__(self, seed: int = 0) -> None:
        """Set the seed of all randomness."""
        self.seed = seed
        self.arrays: dict[str, np.ndarray] = {}
        self.settings: dict[str, Any] = {}

    @abc.abstractmethod
    def fit(self, inputs: Sequence[Any]) -> None:
        """Fit on inputs without labels; the results are stored in ``arrays`` and ``settings``."""

    @abc.abstractmethod
    def encode(self, inputs: Sequence[Any]) -> dict[str, Any]:
        """Return variant -> features of shape (inputs, dimensions), dense or sparse; without labels, the first is used."""

    def keep(self, variant: str) -> None:
        """Discard large state that only other variants need; `encode` may omit those from then on."""
        del variant
