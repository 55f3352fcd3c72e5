"""Whether a named image model can do what its task asks: tried on a few pixels before training."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedConfig

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.building import try_out
from hf_ssl.modalities.images.embedding import grid_of
from hf_ssl.modalities.images.flags import ImageFlags

ROWS = 2


def check_encoder(model: Any, name: str, size: int) -> None:
    """Check that an encoder gives hidden states of the places of an image.

    Raises:
        UserError: if not.
    """
    output = try_out(model, name, pixel_values=_noise(size))
    hidden = output.get("last_hidden_state")
    if not isinstance(hidden, torch.Tensor) or hidden.ndim not in (3, 4) or len(hidden) != ROWS:
        raise UserError(f"{type(model).__name__} of '{name}' gives no hidden states of places; choose another model")


def check_classifier(model: Any, name: str, size: int, labels: int) -> None:
    """Check that a classifier answers; see `check_encoder`."""
    logits = try_out(model, name, pixel_values=_noise(size)).logits
    if logits.shape != (ROWS, labels):
        raise UserError(f"{type(model).__name__} of '{name}' gives no answer to each image; choose another model")


def check_reconstruction(model: Any, name: str, size: int, patch_size: int) -> None:
    """Check that a model paints the patches that are hidden; see `check_encoder`."""
    hidden = torch.arange((size // patch_size) ** 2).expand(ROWS, -1) % 2 == 0
    painted = try_out(model, name, pixel_values=_noise(size), bool_masked_pos=hidden).reconstruction
    if painted.shape != (ROWS, 3, size, size):
        raise UserError(
            f"{type(model).__name__} of '{name}' paints images of shape {tuple(painted.shape[1:])}, not of {size} pixels; "
            "choose another model, --image_size or --patch_size"
        )


def check_size(config: PreTrainedConfig, flags: ImageFlags) -> None:
    """Check that a checkpoint is made for images of the size that is read."""
    made_for, patches = (getattr(config, flag, None) for flag in ("image_size", "patch_size"))
    if flags.model_name_or_path and isinstance(made_for, int) and made_for != flags.image_size:
        also = f" --patch_size {patches}" if isinstance(patches, int) and patches != flags.patch_size else ""
        raise UserError(
            f"'{flags.model_name_or_path}' is made for images of {made_for} pixels; pass --image_size {made_for}{also}"
        )


def check_patches(config: PreTrainedConfig, flags: ImageFlags) -> None:
    """Check that patches are hidden as a whole, in three colours."""
    check_size(config, flags)
    name, size = flags.model_name_or_path or flags.config_name, getattr(config, "patch_size", flags.patch_size)
    if size != flags.patch_size:
        raise UserError(f"'{name}' has patches of {size} pixels; pass --patch_size {size}")
    if getattr(config, "num_channels", 3) != 3:
        raise UserError(f"'{name}' paints images of {config.num_channels} channels, and images here have three")


def blank_grid(encoder: Any, size: int) -> torch.Tensor:
    """Return the hidden states of an encoder for a blank image: (1, places, channels)."""
    training = encoder.training
    encoder.eval()
    with torch.no_grad():
        hidden = grid_of(encoder(pixel_values=torch.zeros(1, 3, size, size)).last_hidden_state)
    encoder.train(training)
    return hidden


def _noise(size: int) -> torch.Tensor:
    return torch.randn(ROWS, 3, size, size, generator=torch.Generator().manual_seed(0))
