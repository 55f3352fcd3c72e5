"""Features whose worth is known, and the rows that they are of."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hf_ssl.evaluation.measured_rows import Labelled, MeasuredRows

TEXT = SimpleNamespace(name="text", content=str.encode)  # all that measuring asks of a modality


def blobs(rows: int, distance: float, seed: int, classes: int = 3, dimensions: int = 8):
    """Rows around the corners of a simplex, and their labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=rows)
    return np.eye(dimensions)[labels] * distance + generator.normal(size=(rows, dimensions)), labels


def rows_with(bank: np.ndarray, test: np.ndarray) -> MeasuredRows:
    """Rows of no content with these labels; -1 is none."""
    names = [str(label) for label in range(max(bank.max(), test.max()) + 1)]
    parts = [Labelled([f"text {n}" for n in range(len(labels))], labels) for labels in (bank, test)]
    return MeasuredRows(TEXT, "label", *parts, names, [], {"name": "made up"})
