"""A stock image processor that matches the reader, and the settings of third-party models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AutoImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from hf_ssl.modalities.building import making
from hf_ssl.modalities.images.decoding import Range

PIXEL_RANGE = "pixel_range"  # key in preprocessor_config.json


def image_processor(size: int, mean: list[float], spread: list[float], scale: Range | None = None) -> Any:
    """Return a stock processor that resizes the shorter side to ``size`` pixels, crops the centre and normalises colours.

    Args:
        size: pixels per side.
        mean: of each colour.
        spread: of each colour.
        scale: kept beside: values of pixels of more than 8 bits that become black and white before.
    """
    made = CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        resample=2,  # bilinear
        image_mean=[round(value, 6) for value in mean],
        image_std=[round(value, 6) for value in spread],
    )
    if scale is not None:
        setattr(made, PIXEL_RANGE, list(scale))
    return made


def range_of(processor: Any) -> Range | None:
    """Return the values that become black and white, which `image_processor` keeps."""
    kept = getattr(processor, PIXEL_RANGE, None)
    return None if kept is None else (float(kept[0]), float(kept[1]))


def load_image_processor(folder: Path) -> Any:
    """Load a processor made by `image_processor`."""
    return CLIPImageProcessorPil.from_pretrained(folder)


def mean_and_spread(processor: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the processor's mean and spread of each colour, of shape (3, 1, 1) for broadcasting over images."""
    mean, spread = (like.new_tensor(values)[:, None, None] for values in (processor.image_mean, processor.image_std))
    return mean, spread


def adopt(encoder: Any, folder: Path, name: str) -> tuple[dict[str, Any], Any] | None:
    """Return settings with the task that a model is treated as, and its processor; None if it takes no square colour images.

    A model without a head for patches is treated as contrastive.

    Raises:
        UserError: if there is no suitable image processor.
    """
    config = encoder.config
    alone = not config.is_encoder_decoder and not hasattr(config, "vision_config")
    square = all(isinstance(getattr(config, side, None), int) for side in ("image_size", "patch_size"))
    if not (alone and encoder.main_input_name == "pixel_values" and square and config.num_channels == 3):
        return None
    with making("image processor", name):
        own = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
    mean, spread = (own.image_mean, own.image_std) if own.do_normalize else ([0.0] * 3, [1.0] * 3)
    processor = image_processor(config.image_size, list(mean), list(spread))
    settings: dict[str, Any] = {"image_size": config.image_size, "patch_size": config.patch_size, "architecture": "vit"}
    architecture = str((config.architectures or [""])[0])
    if architecture == "ViTMAEForPreTraining":
        return settings | {"task": "masked_image", "objective": "mae", "mask_ratio": config.mask_ratio}, processor
    if architecture.endswith("ForMaskedImageModeling"):
        return settings | {"task": "masked_image", "objective": "simmim"}, processor
    return settings | {"task": "contrastive"}, processor
