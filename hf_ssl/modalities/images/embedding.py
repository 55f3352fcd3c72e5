"""Frozen features of images: hidden states, averaged over all places, per layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_ssl.modalities.images.convolutional_autoencoder import AutoencoderConfig

ROWS_AT_ONCE = 256


def embed_images(
    model: Any,
    images: Sequence[np.ndarray],
    normalise: Callable[[Tensor], Tensor],
    autocast: Callable[[], Any],
    progress: Callable[[int], Any] = lambda _rows: None,
) -> dict[str, np.ndarray]:
    """Mean-pool the hidden states of images from the middle and the last layer.

    No patch is hidden, although masked autoencoders hide patches by default even in evaluation, and untrained poolers are
    bypassed.

    Args:
        model: a model; its ``base_model`` is the encoder.
        images: uint8, shape (size, size, 3) each.
        normalise: maps pixels in [0, 1] to the input of the model.
        autocast: context for mixed precision.
        progress: called with the number of rows done.

    Returns:
        Name of the layer -> float32 of shape (images, channels).
    """
    encoder = model.base_model
    encoder.eval()
    features: dict[str, list[np.ndarray]] = {}
    with torch.no_grad(), _nothing_hidden(encoder):
        for begin in range(0, len(images), ROWS_AT_ONCE):
            rows = np.stack(images[begin : begin + ROWS_AT_ONCE])
            pixels = torch.from_numpy(rows).to(encoder.device).permute(0, 3, 1, 2).float() / 255
            with autocast():
                output = encoder(
                    pixel_values=normalise(pixels), output_hidden_states=True, **_in_order(encoder, len(rows))
                )
            states = output.get("hidden_states") or ()
            middle = states[len(states) // 2] if states else None
            layers = {}
            if isinstance(middle, Tensor) and middle.ndim in (3, 4):  # some architectures keep other things there
                layers[f"layer {len(states) // 2} of {len(states)}"] = middle
            last = "latent" if isinstance(encoder.config, AutoencoderConfig) else "last layer"
            layers[last] = output.last_hidden_state
            for name, hidden in layers.items():
                features.setdefault(name, []).append(grid_of(hidden).float().mean(1).cpu().numpy())
            progress(len(rows))
    return {name: np.concatenate(parts) for name, parts in features.items()}


def grid_of(hidden: Tensor) -> Tensor:
    """Return hidden states of places, without a class token: (rows, places, channels), for any architecture."""
    if hidden.ndim == 4:  # convolutional: (rows, channels, height, width)
        return hidden.flatten(2).transpose(1, 2)
    places = hidden.shape[1]
    return hidden[:, 1:] if int((places - 1) ** 0.5) ** 2 == places - 1 else hidden


def _in_order(encoder: Any, rows: int) -> dict[str, Tensor]:
    """Keep the patches of a masked autoencoder in order: shuffling would change the rounding of sums."""
    config = encoder.config
    if config.model_type != "vit_mae":
        return {}
    order = torch.arange((config.image_size // config.patch_size) ** 2, dtype=torch.float32, device=encoder.device)
    return {"noise": order.expand(rows, -1)}


@contextlib.contextmanager
def _nothing_hidden(encoder: Any) -> Iterator[None]:
    """Let a masked autoencoder see the whole image within this context."""
    before = getattr(encoder.config, "mask_ratio", None)
    if before is None:
        yield
        return
    encoder.config.mask_ratio = 0.0
    try:
        yield
    finally:
        encoder.config.mask_ratio = before
