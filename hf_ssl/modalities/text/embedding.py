"""Frozen features of texts: embeddings and hidden states, averaged over the tokens, per layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import embedding_bag
from transformers import PreTrainedModel, PreTrainedTokenizerBase

ROWS_AT_ONCE = 64
EMBEDDINGS = "mean of embeddings"  # name of the features


def mean_embeddings(
    table: torch.Tensor,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    progress: Callable[[int], Any] = lambda _rows: None,
) -> np.ndarray:
    """Return the mean of the token embeddings of texts of any length, without special tokens.

    Args:
        table: the embeddings, shape (vocabulary, dimensions).
        tokenizer: a fast one.
        texts: of any length.
        progress: called with the number of rows done.

    Returns:
        float32, shape (texts, dimensions).
    """
    features = np.zeros((len(texts), table.shape[1]), np.float32)
    for begin in range(0, len(texts), ROWS_AT_ONCE):
        part = list(texts[begin : begin + ROWS_AT_ONCE])
        encodings = [e.ids for e in tokenizer.backend_tokenizer.encode_batch_fast(part, add_special_tokens=False)]
        begins = np.cumsum([0, *map(len, encodings[:-1])])
        tokens = torch.tensor([token for ids in encodings for token in ids], dtype=torch.long, device=table.device)
        with torch.no_grad():
            means = embedding_bag(tokens, table, torch.from_numpy(begins).to(table.device), mode="mean")
        features[begin : begin + len(part)] = means.float().cpu().numpy()
        progress(len(part))
    return features


def as_batch(encodings: Sequence[Any], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad token lists to tokens and mask, int64 of shape (rows, longest)."""
    longest = max(1, max(map(len, encodings), default=0))
    tokens = torch.full((len(encodings), longest), padding)
    mask = torch.zeros((len(encodings), longest), dtype=torch.long)
    for place, ids in enumerate(encodings):
        tokens[place, : len(ids)] = torch.as_tensor(ids)
        mask[place, : len(ids)] = 1
    return tokens, mask


def embed_texts(
    model: PreTrainedModel,
    encodings: Sequence[Sequence[int]],
    padding: int,
    autocast: Callable[[], Any],
    progress: Callable[[int], Any] = lambda _rows: None,
) -> dict[str, np.ndarray]:
    """Mean-pool the hidden states of texts from the middle and the last layer.

    Args:
        model: a stock model; its ``base_model`` is the encoder.
        encodings: tokens of each text.
        padding: the padding token.
        autocast: context for mixed precision.
        progress: called with the number of rows done.

    Returns:
        Name of the layer -> float32 of shape (texts, hidden size), in the order of ``encodings``.
    """
    order = np.argsort([len(ids) for ids in encodings], kind="stable")  # similar lengths together, for little padding
    features: dict[str, np.ndarray] = {}
    model.eval()
    for begin in range(0, len(order), ROWS_AT_ONCE):
        rows = order[begin : begin + ROWS_AT_ONCE]
        tokens, mask = as_batch([encodings[row] for row in rows], padding)
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        with torch.no_grad(), autocast():
            states = model.base_model(input_ids=tokens, attention_mask=mask, output_hidden_states=True).hidden_states
        for layer in {len(states) // 2, len(states) - 1}:
            if states[layer].shape[:2] != tokens.shape:  # of architectures that pool inside
                continue
            hidden = states[layer].float()
            pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
            table = features.setdefault(
                f"layer {layer} of {len(states) - 1}", np.zeros((len(encodings), hidden.shape[-1]), np.float32)
            )
            table[rows] = pooled.cpu().numpy()
        progress(len(rows))
    return features
