"""Masked patch codes: hide patches, predict of which kind each was (kinds as in Coates and Ng 2011; BEiT: Bao et al. 2022)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.errors import UserError
from hf_ssl.modalities.images import ImageTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

SMALLEST_AREA = 0.5  # of the crops


@dataclass(frozen=True)
class MaskedCodes(ImageTask):
    """Hide patches, predict their codes: k-means clusters of whitened patches, learned before training."""

    _argument_group_name = "task: masked patch codes"
    tag: ClassVar[str] = "masked-image-modeling"
    baseline: ClassVar[tuple[str, str]] = ("code_frequency_loss", "code frequencies alone")

    mask_ratio: float = field(default=0.6, metadata={"help": "Share of the patches that is hidden."})
    codes: int = field(default=256, metadata={"help": "Kinds of patches."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_ratio < 1 or not 0 < self.hidden_patches < self.patches:
            raise UserError(
                f"--mask_ratio must lie between 0 and 1 and hide some of the {self.patches} patches, not {self.mask_ratio}"
            )
        if self.codes < 2:
            raise UserError(f"--codes must be at least 2, not {self.codes}")

    @property
    def patches(self) -> int:
        """Of an image."""
        return int((self.image_size // self.patch_size) ** 2)

    @property
    def hidden_patches(self) -> int:
        """How many of an image, always."""
        return round(self.patches * self.mask_ratio)

    def survey(self, images: "Tensor") -> "dict[str, Tensor]":
        """Kinds of patches, and how often each occurs."""
        import torch

        from hf_ssl.data.patches import codes_of, learn_codes

        learned = learn_codes(images, self.patch_size, self.codes, seed=0)
        found = codes_of(images, self.patch_size, learned["code_projection"], learned["codes"])
        counts = torch.bincount(found.flatten(), minlength=self.codes)
        return super().survey(images) | learned | {"code_counts": counts}

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Crop, perhaps mirror, and paint some patches in the mean colour.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), "positions" (flat indices of the hidden patches) and
            "labels" (their codes).
        """
        from torch.nn.functional import interpolate

        from hf_ssl.data.augmentation import as_float, crop_and_flip
        from hf_ssl.data.patches import codes_of
        from hf_ssl.randomness import random_ranks, subkeys

        place, choice = subkeys(keys, 2)
        images = crop_and_flip(as_float(batch["image"]), place, self.image_size, SMALLEST_AREA)
        pixels = self.normalise(images, prepared)
        projection, codes = (prepared.statistics[name].to(pixels.device) for name in ("code_projection", "codes"))
        hidden = random_ranks(choice, self.patches) < self.hidden_patches
        positions = hidden.flatten().nonzero()[:, 0]
        labels = codes_of(pixels, self.patch_size, projection, codes).flatten()[positions]
        side = self.image_size // self.patch_size
        mask = interpolate(hidden.view(-1, 1, side, side).float(), scale_factor=self.patch_size).bool()
        return {"pixel_values": pixels.masked_fill(mask, 0), "positions": positions, "labels": labels}

    def model(self, prepared: Prepared, seed: int) -> Any:
        """An encoder with a linear layer that gives each place the codes of its patches."""
        import torch
        from torch import nn

        from hf_ssl.models.configuration import seeded
        from hf_ssl.models.head import EncoderWithHead, grid_of
        from hf_ssl.models.images import encoder_model

        encoder = encoder_model(self, prepared.statistics, seed)
        with torch.no_grad():
            blank = torch.zeros(1, 3, self.image_size, self.image_size)
            places = grid_of(encoder(pixel_values=blank).last_hidden_state).shape[1]
        if self.patches % places or int(places**0.5) ** 2 != places:
            raise UserError(
                f"the encoder has {places} places, which cannot share the {self.patches} patches of --patch_size "
                f"{self.patch_size} evenly; choose another --patch_size or --image_size"
            )
        with seeded(seed):
            head = nn.Linear(encoder.config.hidden_size, self.patches // places * self.codes)
        return EncoderWithHead(encoder, head, pooled=False)

    def product(self, model: Any) -> "PreTrainedModel":
        """The encoder."""
        return model.base_model

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Mean cross-entropy in nats over the hidden patches."""
        import torch

        said = model(batch["pixel_values"])
        rows, places, _ = said.shape
        side, inner = int(places**0.5), int((self.patches // places) ** 0.5)
        grid = said.view(rows, side, side, inner, inner, self.codes).transpose(
            2, 3
        )  # patches of a place lie side by side
        logits = grid.reshape(-1, self.codes)[batch["positions"]].float()
        return {"loss": torch.nn.functional.cross_entropy(logits, batch["labels"]), "logits": logits.detach()}

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """Loss, accuracy, and the loss of the codes' frequencies alone (add-one smoothed)."""
        import torch

        counts = prepared.statistics["code_counts"]
        frequencies = (counts + 1.0) / (counts.sum() + len(counts))
        labels = torch.cat([part["labels"] for part in parts])
        return score | {"code_frequency_loss": float(-frequencies.log()[labels].mean())}

    def pictures(self, model: Any, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared) -> dict[str, Any]:
        """The image and what is left of it."""
        part = self.corrupt(batch, keys, prepared)
        return {"image": batch["image"] / 255, "left of it": self.shown(part["pixel_values"], prepared)}
