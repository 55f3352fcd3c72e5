"""Rotation: by which of four quarter turns was the image turned? (Gidaris et al. 2018)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hf_ssl.modalities.image_questions import ImageQuestion

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Rotation(ImageQuestion):
    """Turn an image, predict how far."""

    _argument_group_name = "task: rotation"
    tag: ClassVar[str] = "rotation-prediction"
    answers: ClassVar[tuple[str, ...]] = ("0 degrees", "90 degrees", "180 degrees", "270 degrees")

    def change(self, images: "Tensor", labels: "Tensor") -> "Tensor":
        """Turn counterclockwise by so many quarters."""
        from hf_ssl.data.augmentation import rotate_quarters

        return rotate_quarters(images, labels)
