"""Exact prediction of hidden tokens only, skipping the others, with unmodified stock models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Size, Tensor, nn
from transformers import PreTrainedModel


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
