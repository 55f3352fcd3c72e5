"""Vertical flip: is the image upside down?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hf_ssl.pretext.parts.question import ImageQuestion

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class VerticalFlip(ImageQuestion):
    """Flip some images and predict which."""

    _argument_group_name = "task: vertical flip"
    tag: ClassVar[str] = "flip-prediction"
    answers: ClassVar[tuple[str, ...]] = ("upright", "upside down")

    def change(self, images: Tensor, answer: int) -> Tensor:
        """Flip images upside down if ``answer`` is 1."""
        return images.flip(2) if answer else images
