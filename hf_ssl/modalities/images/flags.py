"""Flags of images and of their views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.flags import ModalityFlags, ViewFlags


@dataclass(frozen=True)
class ImageFlags(ModalityFlags):
    """Flags of the images and the model."""

    _argument_group_name = "modality: images"
    embedded: ClassVar[str] = "digits"
    reading: ClassVar[tuple[str, ...]] = ("image_column", "image_size", "lowest_pixel", "highest_pixel")
    first_run: ClassVar[str] = "python scripts/pretrain_mim.py --output_dir runs/digits"
    shared: ClassVar[tuple[str, ...]] = ("image_size", "patch_size")
    defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 128,
        "embedding_learning_rate": 2e-3,
        "warmup_share": 0.1,
        "decay_share": 0.6,
    }
    learning_rates: ClassVar[dict[str, float]] = {"muon": 0.03, "adamw": 1e-3}

    image_column: str | None = field(
        default=None,
        metadata={"help": "Column with the images.", "default": "the one that holds images; usual names come first"},
    )
    image_size: int = field(
        default=32, metadata={"help": "Pixels per side: the shorter side is scaled to it and the centre cropped."}
    )
    lowest_pixel: float | None = field(
        default=None,
        metadata={"help": "Value that becomes black in images of more than 8 bits.", "default": "of the first images"},
    )
    highest_pixel: float | None = field(
        default=None,
        metadata={"help": "Value that becomes white in images of more than 8 bits.", "default": "of the first images"},
    )
    patch_size: int = field(default=4, metadata={"help": "Pixels per side of a patch of a ViT, or of a patch to hide."})
    architecture: Literal["convolution", "vit"] = field(
        default="convolution",
        metadata={"help": "A small convolutional encoder, which learns faster on small budgets, or a ViT."},
    )
    model_size: Literal["tiny", "small", "base"] = field(default="tiny", metadata={"help": "Size of a new model."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.lowest_pixel is None) != (self.highest_pixel is None):
            raise UserError("--lowest_pixel and --highest_pixel go together: give both or neither")
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise UserError(f"--lowest_pixel {self.lowest_pixel} must be below --highest_pixel {self.highest_pixel}")
        if self.patch_size < 1 or self.image_size < 16:
            raise UserError(
                f"--patch_size must be at least 1 and --image_size at least 16, not {self.patch_size} and "
                f"{self.image_size}"
            )
        if self.image_size % self.patch_size:
            raise UserError(
                f"--image_size {self.image_size} is no multiple of --patch_size {self.patch_size}: "
                "the patches would not cover the image"
            )

    @property
    def scale(self) -> tuple[float, float] | None:
        """Return the values of pixels of more than 8 bits that become black and white, if they are known."""
        if self.lowest_pixel is None or self.highest_pixel is None:
            return None
        return self.lowest_pixel, self.highest_pixel

    @property
    def patches(self) -> int:
        """Return the number of patches of an image."""
        return int((self.image_size // self.patch_size) ** 2)


@dataclass(frozen=True)
class ImageViews(ViewFlags):
    """Random crops with changed colours (Chen et al. 2020)."""

    _argument_group_name = "views of images"

    smallest_crop: float = field(default=0.25, metadata={"help": "Smallest share of an image in a view."})
    colour_jitter: float = field(default=0.4, metadata={"help": "Strength of brightness, contrast and saturation."})
    hue_jitter: float = field(default=0.1, metadata={"help": "Largest rotation of the hue, as a share of a full turn."})
    grey_share: float = field(default=0.2, metadata={"help": "Share of the views in grey."})
    invert_share: float = field(
        default=0.0, metadata={"help": "Share of inverted views (for images where light and dark are interchangeable)."}
    )
    mirror: bool = field(default=True, metadata={"help": "Mirror half of the views (not for digits or writing)."})
    progressive_crops: bool = field(
        default=True,
        metadata={"help": "Start with smaller, cheaper views (convolutional encoders only)."},
    )

    def __post_init__(self) -> None:
        if not 0 < self.smallest_crop <= 1:
            raise UserError(f"--smallest_crop must be above 0 and at most 1, not {self.smallest_crop}")
        for name in ("colour_jitter", "hue_jitter", "grey_share", "invert_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"--{name} must lie between 0 and 1, not {getattr(self, name)}")
