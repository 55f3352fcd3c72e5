"""Train a classifier on labelled rows: the last layer first, then everything (Kumar et al. 2022)."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from transformers import PreTrainedModel

from hf_ssl.errors import UserError
from hf_ssl.progress import progress_bar
from hf_ssl.training.device import has_bfloat16
from hf_ssl.training.optimizers import warmup_stable_decay
from hf_ssl.transfer.classifier import last_layer
from hf_ssl.transfer.inputs import Batches

ROWS_AT_ONCE = 256
WARMUP, DECAY = 0.1, 0.9  # shares of the steps
CLIPPING = 1.0
PROBE_STRENGTH = 0.01  # of standardised features


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        steps: of the optimizer; 0 leaves all but the last layer as it is.
        learning_rate: peak of AdamW (Loshchilov and Hutter 2019).
        batch_size: rows a step; all of them where there are fewer.
        weight_decay: decoupled.
        probe_first: learn the last layer by itself first, so that the first steps do not spoil the features.
    """

    steps: int
    learning_rate: float
    batch_size: int = 64
    weight_decay: float = 0.01
    probe_first: bool = True


def fine_tune(
    model: PreTrainedModel, batches: Batches, labels: np.ndarray, rows: np.ndarray, recipe: Recipe, seed: int
) -> None:
    """Train in place.

    Args:
        model: see `classifier_of`.
        batches: inputs.
        labels: int, one an input.
        rows: places of the inputs to learn from.
        recipe: how.
        seed: of order, crops and dropout.

    Raises:
        UserError: if the loss is not finite.
    """
    if recipe.probe_first:
        _probe(model, batches, labels, rows)
    if not recipe.steps:
        return
    torch.manual_seed(seed)  # of dropout
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay, fused=True
    )
    targets = torch.from_numpy(labels).to(model.device)
    model.train()
    for step in progress_bar("fine-tuning", range(recipe.steps), delay=3, leave=False):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * warmup_stable_decay(step, recipe.steps, WARMUP, DECAY)
        chosen = _batch(rows, recipe.batch_size, step, seed)
        with _autocast(model):
            logits = model(**batches.take(chosen, step, seed)).logits.float()
        loss = nn.functional.cross_entropy(logits, targets[torch.from_numpy(chosen)])
        if not loss.isfinite():
            raise UserError(f"the loss of step {step + 1} is not finite; try a lower --learning_rate")
        loss.backward()
        nn.utils.clip_grad_norm_(trained, CLIPPING)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def predict(model: PreTrainedModel, batches: Batches) -> np.ndarray:
    """The label that a classifier gives each input: int64, shape (rows,)."""
    model.eval()
    found = []
    with torch.no_grad():
        for begin in range(0, len(batches), ROWS_AT_ONCE):
            rows = np.arange(begin, min(begin + ROWS_AT_ONCE, len(batches)))
            with _autocast(model):
                found.append(model(**batches.take(rows)).logits.float().argmax(1).cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _batch(rows: np.ndarray, size: int, step: int, seed: int) -> np.ndarray:
    """The rows of a step: one random order after the other."""
    size = min(size, len(rows))
    per_epoch = len(rows) // size
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng((seed, epoch)).permutation(rows)
    return order[place * size : (place + 1) * size]


def _probe(model: PreTrainedModel, batches: Batches, labels: np.ndarray, rows: np.ndarray) -> None:
    """Set the last layer to a logistic regression on what comes into it."""
    layer = last_layer(model)
    taken: list[Tensor] = []
    pooled: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _layer, inputs: taken.append(inputs[0].detach().float().cpu()))
    model.eval()
    try:
        with torch.no_grad():
            for part in np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE)):
                batch = batches.take(part)
                model(**batch)
                states = taken.pop()
                if states.ndim == 3:  # the layer runs over all tokens, and the last one counts
                    last = batch["attention_mask"].sum(1).cpu() - 1
                    states = states[torch.arange(len(states)), last]
                pooled.append(states)
    finally:
        handle.remove()
    features = torch.cat(pooled).numpy()
    scaler = StandardScaler().fit(features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LogisticRegression(C=PROBE_STRENGTH, max_iter=200).fit(scaler.transform(features), labels[rows])
    weight, bias = found.coef_, found.intercept_
    if len(found.classes_) == 2:  # one set of weights then tells the second class from the first
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    weight = weight / scaler.scale_
    bias = bias - weight @ scaler.mean_
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[found.classes_] = torch.from_numpy(weight).to(layer.weight)
        if layer.bias is not None:
            layer.bias.fill_(float(bias.min()) - 1)  # of labels that no row has
            layer.bias[found.classes_] = torch.from_numpy(bias).to(layer.bias)


def _autocast(model: PreTrainedModel) -> torch.autocast:
    return torch.autocast(model.device.type, torch.bfloat16, enabled=has_bfloat16())
