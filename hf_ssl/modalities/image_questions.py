"""What tasks share that change an image and ask which change it was."""

import abc
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.modalities.images import ImageTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

SMALLEST_AREA = 0.5  # of the crops


@dataclass(frozen=True)
class ImageQuestion(ImageTask):
    """One of some changes is made, and the network says which."""

    pipeline: ClassVar[str] = "image-classification"
    baseline: ClassVar[tuple[str, str]] = ("chance_loss", "guessing")
    answers: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def change(self, images: "Tensor", labels: "Tensor") -> "Tensor":
        """Images, float of shape (rows, 3, size, size), each changed as its label in 0 to len(answers) - 1 says."""

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Crop, perhaps mirror, change.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), and "labels", int64 of shape (rows,).
        """
        from hf_ssl.data.augmentation import as_float, crop_and_flip
        from hf_ssl.randomness import random_uniform, subkeys

        place, choice = subkeys(keys, 2)
        labels = (random_uniform(choice, 1)[:, 0] * len(self.answers)).long()
        images = crop_and_flip(as_float(batch["image"]), place, self.image_size, SMALLEST_AREA)
        return {"pixel_values": self.normalise(self.change(images, labels), prepared), "labels": labels}

    def model(self, prepared: Prepared, seed: int) -> "PreTrainedModel":
        """An image classifier with the answers as labels."""
        from hf_ssl.models.images import classifier_model

        return classifier_model(self, list(self.answers), prepared.statistics, seed)

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Cross-entropy in nats over the answers."""
        import torch

        logits = model(pixel_values=batch["pixel_values"]).logits.float()
        return {"loss": torch.nn.functional.cross_entropy(logits, batch["labels"]), "logits": logits.detach()}

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """Loss, accuracy, and those of guessing."""
        return score | {"chance_loss": math.log(len(self.answers)), "chance_accuracy": 1 / len(self.answers)}

    def pictures(self, model: Any, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared) -> dict[str, Any]:
        """The image and what the network sees of it."""
        part = self.corrupt(batch, keys, prepared)
        return {"image": batch["image"] / 255, "as shown": self.shown(part["pixel_values"], prepared)}
