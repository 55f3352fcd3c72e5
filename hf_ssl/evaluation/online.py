"""Features during training: kNN on a few labelled rows, and whether they collapse."""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import normalize

from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import Sample, unshuffled_blocks
from hf_ssl.evaluation.labelled import Labelled, TooFewLabelsError, labelled_rows
from hf_ssl.evaluation.probes import knn_accuracy
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.randomness import key_of

COLLAPSED_RANK = 2.0  # directions
COLLAPSED_STD = 0.02  # of what features in all directions would have


@dataclass
class OnlineProbe:
    """Rows to look at features on.

    Attributes:
        task: makes features.
        prepared: what it learned before training.
        inputs: of held-out rows.
        bank: labelled rows to look neighbours up in, where there are labels.
        test: labelled rows.
        warned: whether a collapse was already told.
    """

    task: PretextTask
    prepared: Prepared
    inputs: list[Any]
    bank: Labelled | None
    test: Labelled | None
    warned: bool = field(default=False)

    def figures(self, model: Any, autocast: Callable[[], Any]) -> dict[str, float]:
        """Return "feature_std", "effective_rank" and, where there are labels, "knn_accuracy"."""
        features = self._features(model, self.inputs, autocast)
        found = collapse_figures(features)
        if (found["effective_rank"] < COLLAPSED_RANK or found["feature_std"] < COLLAPSED_STD) and not self.warned:
            self.warned = True
            print(
                f"warning: features collapse (effective rank {found['effective_rank']:.1f}, spread "
                f"{found['feature_std']:.3f}): all inputs look alike; try a lower --learning_rate or another task",
                file=sys.stderr,
            )
        if self.bank is not None and self.test is not None:
            bank = self._features(model, self.bank.inputs, autocast)
            test = self._features(model, self.test.inputs, autocast)
            found["knn_accuracy"] = knn_accuracy(bank, self.bank.labels, test, self.test.labels)
        return found

    def pictures(self, model: Any, count: int) -> dict[str, Any]:
        """What the task does to the first of its rows: titles -> tensors in [0, 1] of shape (count, 3, size, size)."""
        samples = [Sample({"image": image}, np.zeros((1, 4), np.int64)) for image in self.inputs[:count]]
        batch = {name: tensor.to(model.base_model.device) for name, tensor in self.task.collate(samples).items()}
        keys = torch.tensor([key_of("pictures", number) for number in range(len(samples))]).to(model.base_model.device)
        return self.task.pictures(model, batch, keys, self.prepared)

    def _features(self, model: Any, inputs: list[Any], autocast: Callable[[], Any]) -> np.ndarray:
        return list(self.task.embed(model, self.prepared, inputs, autocast).values())[-1]  # of the last layer


def collapse_figures(features: np.ndarray) -> dict[str, float]:
    """How many directions features use.

    Args:
        features: float, shape (rows, dimensions).

    Returns:
        "feature_std": standard deviation of normalised features times the root of their dimensions, 0 if all are alike, about 1
        if they lie in all directions (Chen and He 2021); "effective_rank": exponential of the entropy of their normalised
        singular values (Roy and Vetterli 2007).
    """
    unit = normalize(features)
    std = float(unit.std(0).mean() * features.shape[1] ** 0.5)
    values = np.linalg.svd(features - features.mean(0), compute_uv=False).astype(np.float64)
    shares = values[values > 0] / max(values.sum(), 1e-12)
    return {"feature_std": std, "effective_rank": float(np.exp(-(shares * np.log(shares)).sum()))}


def online_probe(
    task: PretextTask, prepared: Prepared, train: Rows, evaluation: Rows | None, label_column: str | None
) -> OnlineProbe | None:
    """Choose the rows, if the task wants to be watched and there are any."""
    test_rows = task.watched_rows[1]
    if not test_rows:
        return None
    bank, test = None, None
    if label_column:
        with contextlib.suppress(TooFewLabelsError):  # the results say why
            bank, test = labelled_rows(task, train, evaluation, label_column, task.watched_rows)
    inputs = _inputs(task, train if evaluation is None else evaluation, evaluation is None, test_rows)
    return OnlineProbe(task, prepared, inputs, bank, test) if inputs else None


def _inputs(task: PretextTask, rows: Rows, split_by_hash: bool, count: int) -> list[Any]:
    reader = task.reader(held_out=True if split_by_hash else None)
    inputs: list[Any] = []
    for block in unshuffled_blocks(rows):
        inputs += [value for _, value in reader.read(block)[0]]
        if len(inputs) >= count:
            break
    return inputs[:count]
