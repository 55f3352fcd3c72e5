"""Frozen features of texts: the mean of hidden states over the tokens, layer by layer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

ROWS_AT_ONCE = 64


def embed_texts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    longest: int,
    autocast: Callable[[], Any],
    progress: Callable[[int], Any] = lambda _rows: None,
) -> dict[str, np.ndarray]:
    """Mean-pool the hidden states of texts: of the embeddings, the middle layer and the last.

    Args:
        model: a stock model; its ``base_model`` is the encoder.
        tokenizer: of the model.
        texts: any number.
        longest: tokens a text is cut to.
        autocast: context for mixed precision.
        progress: called with the number of rows done.

    Returns:
        Name of the layer -> float32 of shape (texts, hidden size), in the order of ``texts``.
    """
    encodings = [
        e.ids[:longest] for e in tokenizer.backend_tokenizer.encode_batch_fast(list(texts), add_special_tokens=True)
    ]
    order = np.argsort([len(ids) for ids in encodings], kind="stable")  # alike lengths together: little padding
    features: dict[str, np.ndarray] = {}
    padding = tokenizer.pad_token_id or 0
    model.eval()
    for begin in range(0, len(order), ROWS_AT_ONCE):
        rows = order[begin : begin + ROWS_AT_ONCE]
        width = max(1, max(len(encodings[row]) for row in rows))
        tokens = torch.full((len(rows), width), padding)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for place, row in enumerate(rows):
            tokens[place, : len(encodings[row])] = torch.tensor(encodings[row])
            mask[place, : len(encodings[row])] = 1
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        with torch.no_grad(), autocast():
            states = model.base_model(input_ids=tokens, attention_mask=mask, output_hidden_states=True).hidden_states
        for layer in {0, len(states) // 2, len(states) - 1}:
            hidden = states[layer].float()
            pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
            table = features.setdefault(
                f"layer {layer} of {len(states) - 1}", np.zeros((len(texts), hidden.shape[-1]), np.float32)
            )
            table[rows] = pooled.cpu().numpy()
        progress(len(rows))
    return features
