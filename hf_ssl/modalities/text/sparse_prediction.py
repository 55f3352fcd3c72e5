"""Exact prediction of hidden tokens only, skipping the others, with unmodified stock models."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import Size, Tensor, nn
from transformers import PreTrainedModel

KNOWN: weakref.WeakKeyDictionary[PreTrainedModel, bool] = weakref.WeakKeyDictionary()  # whether `only_at` is exact
TRIED = 8  # tokens in a row
TOLERANCE = 1e-3  # of logits


def logits_at(model: Any, positions: Tensor, **inputs: Tensor) -> Tensor:
    """Return the logits of a masked language model at some tokens, computed only there if its architecture allows it.

    Args:
        model: a ``...ForMaskedLM``, perhaps wrapped for several processes.
        positions: flat indices into (rows x length).
        inputs: "input_ids" and whatever else the model takes.

    Returns:
        Shape (positions, vocabulary).
    """
    stock = getattr(model, "module", model)
    if stock not in KNOWN:
        KNOWN[stock] = is_exact(stock, inputs["input_ids"])
    if not KNOWN[stock]:
        return model(**inputs).logits.flatten(0, -2)[positions]
    with only_at(stock, positions):
        return model(**inputs).logits.flatten(0, -2)


def is_exact(model: PreTrainedModel, tokens: Tensor) -> bool:
    """Return whether `only_at` changes nothing in the logits of a model, by trying it on a few tokens."""
    tokens = tokens[:2, :TRIED]
    positions = torch.arange(tokens.numel(), device=tokens.device)  # more than a row has, which some would cut
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            whole = model(input_ids=tokens).logits.flatten(0, -2)[positions]
            try:
                with only_at(model, positions):
                    part = model(input_ids=tokens).logits.flatten(0, -2)
            except Exception:  # whatever an unknown architecture raises, it then runs as it is
                return False
            return part.shape == whole.shape and torch.allclose(part, whole, rtol=TOLERANCE, atol=TOLERANCE)
    finally:
        model.train(training)


@contextlib.contextmanager
def only_at(model: PreTrainedModel, positions: Tensor) -> Iterator[None]:
    """Make a masked language model compute logits only at some tokens within this context.

    After the last attention, tokens do not interact: the prediction head runs only on the given tokens, and so do the last
    feed-forward layer and norms, if the architecture is known.

    Args:
        model: one with a separate encoder (``base_model``), as all of transformers' masked language models have.
        positions: flat indices into (rows x length); logits then have the shape (..., positions, vocabulary).
    """

    def pick(hidden: Tensor) -> Tensor:
        return hidden.flatten(0, 1)[positions]

    def pick_attention(_module: nn.Module, _inputs: Any, outputs: Any) -> Any:
        return (pick(outputs[0])[None], *outputs[1:])

    def pick_encoder(_module: nn.Module, _inputs: Any, outputs: Any) -> Any:
        outputs.last_hidden_state = pick(outputs.last_hidden_state)
        return outputs

    def pick_input(module: nn.Module, inputs: tuple[Tensor]) -> Tensor:
        shapes[module] = inputs[0].shape
        return pick(inputs[0])

    def put_back(module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        whole = output.new_zeros(shapes[module]).flatten(0, 1)  # zeros at unused positions
        return whole.index_copy(0, positions, output).view(shapes[module])

    shapes: dict[nn.Module, Size] = {}

    last = _last_layer(model.base_model)
    if hasattr(last, "feed_forward_chunk"):  # BERT-like models
        handles = [last.attention.register_forward_hook(pick_attention)]
    else:
        handles = [model.base_model.register_forward_hook(pick_encoder)]
        if hasattr(last, "mlp_norm"):  # ModernBERT
            handles.append(last.mlp.register_forward_pre_hook(pick_input))
            handles.append(last.mlp.register_forward_hook(put_back))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _last_layer(encoder: nn.Module) -> Any:
    """Return the last layer of an encoder, if it has a usual name."""
    layers = getattr(encoder, "layers", None) or getattr(getattr(encoder, "encoder", None), "layer", None)
    return layers[-1] if layers else None
