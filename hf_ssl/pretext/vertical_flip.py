"""Vertical flip: is the image upside down?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hf_ssl.modalities.image_questions import ImageQuestion

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class VerticalFlip(ImageQuestion):
    """Flip an image, predict whether it was."""

    _argument_group_name = "task: vertical flip"
    tag: ClassVar[str] = "flip-prediction"
    answers: ClassVar[tuple[str, ...]] = ("upright", "upside down")

    def change(self, images: "Tensor", labels: "Tensor") -> "Tensor":
        """Turn those with label 1 upside down."""
        import torch

        return torch.where(labels.bool()[:, None, None, None], images.flip(2), images)
