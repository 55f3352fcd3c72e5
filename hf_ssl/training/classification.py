"""Classification as a task of the training loop; the last layer is fitted first (Kumar et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from hf_ssl.common.device import autocast, one_thread
from hf_ssl.common.errors import UserError
from hf_ssl.common.quiet import without_advice
from hf_ssl.data.stream import Sample
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import Part, PretextTask

ROWS_AT_ONCE = 256
PROBE_STRENGTH = 0.01  # inverse regularisation on standardised features


@dataclass(frozen=True)
class Classification(PretextTask):
    """Predict the label of an input.

    Attributes:
        names: label names.
        folder: saved model that gives the architecture.
        trained: whether to load its weights too.
    """

    tag: ClassVar[str] = "classification"
    baseline: ClassVar[tuple[str, str]] = ("majority_accuracy", "the commonest label")
    needs_labels: ClassVar[bool] = True

    names: tuple[str, ...]
    folder: str
    trained: bool = True

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Return lightly augmented inputs, and "labels", int64 of shape (rows,)."""
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        augmented: dict[str, Tensor] = prepared.modality.augmented(inputs, keys, prepared)
        return augmented | {"labels": batch["labels"]}

    def model(self, prepared: Prepared, seed: int) -> PreTrainedModel:
        """Return a stock classifier; weights that are not loaded are initialised."""
        return prepared.modality.classifier(prepared, list(self.names), seed, Path(self.folder), self.trained).train()

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the cross-entropy in nats over the labels."""
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        logits = model(**inputs).logits.float()
        return {"loss": cross_entropy(logits, batch["labels"]), "logits": logits.detach()}

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return loss and accuracy."""
        del parts, prepared
        return score


def predict(model: PreTrainedModel, prepared: Prepared, samples: Sequence[Sample]) -> np.ndarray:
    """Return the label that a classifier gives each sample: int64, shape (samples,)."""
    model.eval()
    found = [np.zeros(0, np.int64)]
    with torch.no_grad():
        for inputs in _batches(prepared, samples, model.device):
            with autocast():
                found.append(model(**inputs).logits.float().argmax(1).cpu().numpy())
    return np.concatenate(found)


def last_layer(model: PreTrainedModel) -> nn.Linear:
    """Return the linear output layer.

    Raises:
        UserError: if there is none.
    """
    for name in ("classifier", "score", "classification_head"):
        layer = getattr(model, name, None)
        layer = layer[-1] if isinstance(layer, nn.Sequential) else getattr(layer, "out_proj", layer)
        if isinstance(layer, nn.Linear):
            return layer
    raise UserError(f"{type(model).__name__} has no linear output layer; its features can still be compared")


def learn_last_layer(model: PreTrainedModel, prepared: Prepared, samples: Sequence[Sample]) -> None:
    """Fit the last layer by logistic regression on its inputs, so that the first steps do not distort the features."""
    layer = last_layer(model)
    labels = np.array([sample.label for sample in samples])
    features = _into(layer, model, prepared, samples)
    scaler = StandardScaler().fit(features)
    with without_advice(), one_thread():
        found = LogisticRegression(C=PROBE_STRENGTH, max_iter=200).fit(scaler.transform(features), labels)
    weight, bias = found.coef_, found.intercept_
    if len(found.classes_) == 2:  # scikit-learn then has one weight vector, for the second class
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    weight = weight / scaler.scale_
    bias = bias - weight @ scaler.mean_
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[found.classes_] = torch.from_numpy(weight).to(layer.weight)
        if layer.bias is not None:
            layer.bias.fill_(float(bias.min()) - 1)  # for labels without rows
            layer.bias[found.classes_] = torch.from_numpy(bias).to(layer.bias)


def _into(layer: nn.Module, model: PreTrainedModel, prepared: Prepared, samples: Sequence[Sample]) -> np.ndarray:
    """Return the inputs of a layer, one per sample: shape (samples, dimensions)."""
    taken: list[Tensor] = []
    pooled: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _layer, inputs: taken.append(inputs[0].detach().float().cpu()))
    model.eval()
    try:
        with torch.no_grad():
            for inputs in _batches(prepared, samples, model.device):
                model(**inputs)
                states = taken.pop()
                if states.ndim == 3:  # the layer sees all tokens; the last one counts
                    last = inputs["attention_mask"].sum(1).cpu() - 1
                    states = states[torch.arange(len(states)), last]
                pooled.append(states)
    finally:
        handle.remove()
    return torch.cat(pooled).numpy()


def _batches(prepared: Prepared, samples: Sequence[Sample], device: torch.device) -> Iterator[dict[str, Tensor]]:
    """Yield model inputs, a few samples at a time, without augmentation."""
    modality = prepared.modality
    for begin in range(0, len(samples), ROWS_AT_ONCE):
        batch = modality.collate(samples[begin : begin + ROWS_AT_ONCE])
        yield modality.augmented({name: tensor.to(device) for name, tensor in batch.items()}, None, prepared)
