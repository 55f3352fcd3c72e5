"""Base of tasks that change an image and predict which change was made."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.pretext.base import PretextTask

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part

SMALLEST_AREA = 0.5  # of the crops


@dataclass(frozen=True)
class ImageQuestion(PretextTask):
    """Apply one of several changes to an image and predict which one."""

    modalities: ClassVar[tuple[str, ...]] = ("images",)
    pipeline: ClassVar[str] = "image-classification"
    baseline: ClassVar[tuple[str, str]] = ("chance_loss", "guessing")
    answers: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def change(self, images: Tensor, answer: int) -> Tensor:
        """Change images, float of shape (rows, 3, size, size), so that ``answer``, an index into ``answers``, is right."""

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Crop, mirror half of the images, and apply a random change to each.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), and "labels", int64 of shape (rows,).
        """
        from hf_ssl.common.randomness import random_uniform, subkeys

        place, choice = subkeys(keys, 2)
        labels = (random_uniform(choice, 1)[:, 0] * len(self.answers)).long()
        images = prepared.modality.cropped(batch, place, SMALLEST_AREA)
        changed = images.new_empty(images.shape)
        for answer in range(len(self.answers)):
            changed[labels == answer] = self.change(images[labels == answer], answer)
        return {"pixel_values": prepared.modality.normalise(changed, prepared), "labels": labels}

    def model(self, prepared: Prepared, seed: int) -> PreTrainedModel:
        """Return an image classifier with the answers as labels."""
        return prepared.modality.classifier(prepared, list(self.answers), seed, None, trained=False)

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the cross-entropy in nats over the answers."""
        from torch.nn.functional import cross_entropy

        logits = model(pixel_values=batch["pixel_values"]).logits.float()
        return {"loss": cross_entropy(logits, batch["labels"]), "logits": logits.detach()}

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return loss, accuracy, and those of guessing."""
        return score | {"chance_loss": math.log(len(self.answers)), "chance_accuracy": 1 / len(self.answers)}

    def pictures(self, model: Any, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared) -> dict[str, Tensor]:
        """Return the images, and what the network sees of them."""
        part = self.corrupt(batch, keys, prepared)
        shown = prepared.modality.denormalise(part["pixel_values"], prepared)
        return {"image": batch["image"] / 255, "as shown": shown}
