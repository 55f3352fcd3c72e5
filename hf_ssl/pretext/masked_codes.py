"""Masked patch codes: hide patches and predict their codes (codes as in Coates and Ng 2011; BEiT: Bao et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.parts.beginning import BeginsWithContrast

if TYPE_CHECKING:  # slow to import, and not needed for --help
    from torch import Tensor

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part

SMALLEST_AREA = 0.5  # of the crops


@dataclass(frozen=True)
class MaskedCodes(BeginsWithContrast):
    """Hide patches and predict their codes: k-means clusters of whitened patches, learned before training."""

    _argument_group_name = "task: masked patch codes"
    tag: ClassVar[str] = "masked-image-modeling"
    baseline: ClassVar[tuple[str, str]] = ("code_frequency_loss", "code frequencies alone")
    modalities: ClassVar[tuple[str, ...]] = ("images",)

    mask_ratio: float = field(default=0.6, metadata={"help": "Share of patches to hide."})
    codes: int = field(default=256, metadata={"help": "Number of patch codes."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.codes < 2:
            raise UserError(f"--codes must be at least 2, not {self.codes}")

    def check(self, modality: Any) -> None:
        """Check that the share of hidden patches hides some but not all."""
        super().check(modality)
        if not 0 < self.mask_ratio < 1 or not 0 < self._hidden(modality) < modality.patches:
            raise UserError(
                f"--mask_ratio must lie between 0 and 1 and hide some of the {modality.patches} patches, not {self.mask_ratio}"
            )

    def _hidden(self, modality: Any) -> int:
        """Return the number of hidden patches per image, which is constant."""
        return round(modality.patches * self.mask_ratio)

    def survey(self, inputs: list[Any], prepared: Prepared) -> dict[str, Tensor]:
        """Return codes of patches, and how often each occurs."""
        from hf_ssl.modalities.images.patches import survey_codes

        images = prepared.modality.as_pixels(inputs, prepared)
        return survey_codes(images, prepared.modality.patch_size, self.codes, seed=0)

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Crop, mirror half of the images, and replace some patches by the mean colour.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), "positions" (flat indices of the hidden patches) and
            "labels" (their codes).
        """
        from hf_ssl.common.randomness import random_ranks, subkeys
        from hf_ssl.modalities.images.patches import codes_of

        modality = prepared.modality
        place, choice = subkeys(keys, 2)
        pixels = modality.normalise(modality.cropped(batch, place, SMALLEST_AREA), prepared)
        projection, codes = (prepared.statistics[name].to(pixels.device) for name in ("code_projection", "codes"))
        hidden = random_ranks(choice, modality.patches) < self._hidden(modality)
        positions = hidden.flatten().nonzero()[:, 0]
        labels = codes_of(pixels, modality.patch_size, projection, codes).flatten()[positions]
        side, size = modality.image_size // modality.patch_size, modality.patch_size
        mask = hidden.view(-1, 1, side, side).repeat_interleave(size, 2).repeat_interleave(size, 3)
        return {"pixel_values": pixels.masked_fill(mask, 0), "positions": positions, "labels": labels}

    def model(self, prepared: Prepared, seed: int) -> Any:
        """Return an encoder with a linear layer that predicts the codes of the patches at each place."""
        from hf_ssl.pretext.parts.embedder import HeadedEncoder, linear_layer

        modality, encoder = prepared.modality, prepared.modality.encoder(prepared, seed)
        places = modality.count_places(encoder)
        if modality.patches % places or int(places**0.5) ** 2 != places:
            raise UserError(
                f"the encoder has {places} places, which cannot share the {modality.patches} patches of --patch_size "
                f"{modality.patch_size} evenly; choose another --patch_size or --image_size"
            )
        head = linear_layer(modality.hidden_width(encoder), modality.patches // places * self.codes, seed)
        return HeadedEncoder(encoder, head, modality.places)

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean cross-entropy in nats over the hidden patches."""
        from torch.nn.functional import cross_entropy

        said = model(pixel_values=batch["pixel_values"])
        rows, places, width = said.shape
        side, inner = int(places**0.5), int((width // self.codes) ** 0.5)
        # The patches of a place are adjacent.
        grid = said.view(rows, side, side, inner, inner, self.codes).transpose(2, 3)
        logits = grid.reshape(-1, self.codes)[batch["positions"]].float()
        return {"loss": cross_entropy(logits, batch["labels"]), "logits": logits.detach()}

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return the loss, accuracy, and the loss of (add-one smoothed) code frequencies alone."""
        import torch

        counts = prepared.statistics["code_counts"]
        frequencies = (counts + 1.0) / (counts.sum() + len(counts))
        labels = torch.cat([part.inputs["labels"] for part in parts])
        return score | {"code_frequency_loss": float(-frequencies.log()[labels].mean())}

    def pictures(self, model: Any, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared) -> dict[str, Tensor]:
        """Return the images, and what is left of them."""
        part = self.corrupt(batch, keys, prepared)
        return {
            "image": batch["image"] / 255,
            "left of it": prepared.modality.denormalise(part["pixel_values"], prepared),
        }
