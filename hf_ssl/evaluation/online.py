"""Monitoring of features during training: kNN on a few labelled rows, and collapse."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import normalize
from torch import Tensor

from hf_ssl.common.quiet import without_advice
from hf_ssl.common.randomness import key_of
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.evaluation.metrics import Accuracy
from hf_ssl.evaluation.readout import NEIGHBOURS, neighbours
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import PretextTask

COLLAPSED_RANK = 2.0  # directions
COLLAPSED_STD = 0.02  # relative to features spread over all directions


@dataclass
class OnlineProbe:
    """Rows on which features are monitored.

    Attributes:
        task: the training task.
        prepared: the modality, with what was learned before training.
        inputs: held-out inputs.
        rows: labelled rows for kNN, if there are labels.
        warned: whether a collapse was already reported.
    """

    task: PretextTask
    prepared: Prepared
    inputs: list[Any]
    rows: MeasuredRows | None
    warned: bool = field(default=False)

    def figures(self, model: Any, autocast: Callable[[], Any]) -> dict[str, float]:
        """Return "feature_std", "effective_rank" and, with labels, "knn_accuracy"."""
        features = self._features(model, self.inputs, autocast)
        found = collapse_figures(features)
        if (found["effective_rank"] < COLLAPSED_RANK or found["feature_std"] < COLLAPSED_STD) and not self.warned:
            self.warned = True
            print(
                f"warning: features collapse (effective rank {found['effective_rank']:.1f}, spread "
                f"{found['feature_std']:.3f}): all inputs look alike; try a lower --learning_rate or another task",
                file=sys.stderr,
            )
        if self.rows is not None and self.rows.names:
            found["knn_accuracy"] = self._knn_accuracy(self.rows, model, autocast)
        return found

    def pictures(self, model: Any, count: int) -> dict[str, Tensor]:
        """Return the task's pictures of the first inputs: title -> values in [0, 1], shape (count, 3, size, size)."""
        modality, device = self.prepared.modality, model.base_model.device
        samples = modality.as_samples(self.prepared, self.inputs[:count])
        batch = {name: tensor.to(device) for name, tensor in modality.collate(samples).items()}
        keys = torch.tensor([key_of("pictures", number) for number in range(len(samples))]).to(device)
        return self.task.pictures(model, batch, keys, self.prepared)

    def _knn_accuracy(self, rows: MeasuredRows, model: Any, autocast: Callable[[], Any]) -> float:
        known, labelled = rows.known, rows.test.labels >= 0
        bank = self._features(model, [rows.bank.inputs[place] for place in known], autocast)
        test = self._features(model, [rows.test.inputs[place] for place in np.flatnonzero(labelled)], autocast)
        with without_advice():
            readout = neighbours(min(NEIGHBOURS, len(bank))).fit(bank, rows.bank.labels[known])
        return Accuracy().of(rows.test.labels[labelled], readout.predict(test))

    def _features(self, model: Any, inputs: list[Any], autocast: Callable[[], Any]) -> np.ndarray:
        """Return features of the last layer."""
        layers: dict[str, np.ndarray] = self.prepared.modality.embed(model, self.prepared, inputs, autocast)
        return list(layers.values())[-1]


def collapse_figures(features: np.ndarray) -> dict[str, float]:
    """Measure how many directions features use.

    Args:
        features: float, shape (rows, dimensions).

    Returns:
        "feature_std": standard deviation of normalised features times the root of their dimensions, 0 if all are alike, about 1
        if they use all directions (Chen and He 2021); "effective_rank": exponential of the entropy of their normalised
        singular values (Roy and Vetterli 2007).
    """
    unit = normalize(features)
    std = float(unit.std(0).mean() * features.shape[1] ** 0.5)
    values = np.linalg.svd(features - features.mean(0), compute_uv=False).astype(np.float64)
    shares = values[values > 0] / max(values.sum(), 1e-12)
    return {"feature_std": std, "effective_rank": float(np.exp(-(shares * np.log(shares)).sum()))}
