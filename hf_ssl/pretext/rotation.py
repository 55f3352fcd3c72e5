"""Rotation: by which of four quarter turns was the image turned? (Gidaris et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hf_ssl.pretext.parts.question import ImageQuestion

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Rotation(ImageQuestion):
    """Rotate an image and predict the angle."""

    _argument_group_name = "task: rotation"
    tag: ClassVar[str] = "rotation-prediction"
    answers: ClassVar[tuple[str, ...]] = ("0 degrees", "90 degrees", "180 degrees", "270 degrees")

    def change(self, images: Tensor, answer: int) -> Tensor:
        """Rotate images counterclockwise by ``answer`` quarter turns."""
        return images.rot90(answer, (2, 3))
