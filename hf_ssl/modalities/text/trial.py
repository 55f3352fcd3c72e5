"""Whether a named text model can do what its task asks: tried on a few tokens before training."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.building import try_out

ROWS = 2
OTHER_INPUTS = re.compile("vision|visual|image|audio")  # parts of a model that no token reaches
TOLERANCE = 1e-3


def check_language_model(model: PreTrainedModel, name: str, length: int, causal: bool) -> None:
    """Check that a language model takes tokens alone, predicts each of them and, if it is causal, does not look ahead.

    Raises:
        UserError: if not.
    """
    _check_length(model, length)
    tokens = _tokens(model, length)
    logits = try_out(model, name, input_ids=tokens, **({"use_cache": False} if causal else {})).logits
    if logits.shape[:-1] != tokens.shape:
        raise UserError(
            f"{type(model).__name__} of '{name}' gives {logits.shape[1]} predictions for {length} tokens; choose another model"
        )
    if not causal:
        return
    other = tokens.clone()
    other[:, -1] = (other[:, -1] + 1) % int(tokens.max() + 1)
    changed = try_out(model, name, input_ids=other, use_cache=False).logits
    if not torch.allclose(logits[:, :-1], changed[:, :-1], rtol=TOLERANCE, atol=TOLERANCE):
        raise UserError(
            f"{type(model).__name__} of '{name}' looks ahead: its predictions change with later tokens, so they would be worth "
            "nothing; choose a causal language model"
        )


def check_token_encoder(model: PreTrainedModel, name: str, length: int) -> None:
    """Check that an encoder takes tokens alone and gives a hidden state of each.

    Raises:
        UserError: if not.
    """
    _check_length(model, length)
    tokens = _tokens(model, length)
    output = try_out(model, name, input_ids=tokens, attention_mask=torch.ones_like(tokens))
    hidden = output.get("last_hidden_state")
    if hidden is None or hidden.shape[:2] != tokens.shape:
        raise UserError(f"{type(model).__name__} of '{name}' gives no hidden state of each token; choose another model")
    width = getattr(model.config, "hidden_size", None)
    if hidden.shape[2] != width:
        raise UserError(
            f"{type(model).__name__} of '{name}' has hidden states of {hidden.shape[2]} dimensions, but its configuration says "
            f"{width}; choose another model"
        )


def embeddings_of(model: PreTrainedModel) -> int:
    """Return the number of tokens that a model has an embedding for."""
    table: Any = model.get_input_embeddings()
    return int(getattr(table, "weight", table).shape[0])


def positions_of(model: PreTrainedModel) -> int | None:
    """Return the maximum number of tokens of a model; None if there is no limit."""
    learned = [
        module.num_embeddings - int(getattr(module, "offset", 0)) - _reserved(module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and "position" in name.rsplit(".", 1)[-1] and not OTHER_INPUTS.search(name)
    ]
    stated = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    limits = learned or ([stated] if isinstance(stated, int) and stated > 0 else [])
    return min(limits) if limits else None


def _reserved(positions: nn.Embedding) -> int:
    """Return how many positions are taken: some models begin after the id of the padding token."""
    return 0 if positions.padding_idx is None else positions.padding_idx + 1


def _check_length(model: PreTrainedModel, length: int) -> None:
    longest = positions_of(model)
    if longest is not None and longest < length:
        raise UserError(f"--sequence_length {length} is longer than the {longest} positions of the model")


def _tokens(model: PreTrainedModel, length: int) -> torch.Tensor:
    """Return tokens up to the largest id, int64 of shape (rows, length)."""
    size = embeddings_of(model)
    return torch.arange(size - ROWS * length, size).clamp(min=0).view(ROWS, length)
