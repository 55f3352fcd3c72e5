"""Masked images: hide patches and predict their pixels (MAE: He et al. 2022; SimMIM: Xie et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.parts.beginning import BeginsWithContrast

if TYPE_CHECKING:  # slow to import, and not needed for --help
    from torch import Tensor

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part

MASK_RATIOS = {"mae": 0.75, "simmim": 0.6}
SMALLEST_AREA = 0.5  # of the crops


@dataclass(frozen=True)
class MaskedImage(BeginsWithContrast):
    """Hide patches and predict their pixels."""

    _argument_group_name = "task: masked images"
    tag: ClassVar[str] = "masked-image-modeling"
    baseline: ClassVar[tuple[str, str]] = ("mean_colour_loss", "the mean colour everywhere")

    modalities: ClassVar[tuple[str, ...]] = ("images",)
    requires: ClassVar[dict[str, Any]] = {"architecture": "vit"}
    first_ratio: ClassVar[float] = 0.4  # a step of contrast takes as long as three of its own

    objective: Literal["mae", "simmim"] = field(
        default="mae",
        metadata={"help": "mae: encode only visible patches; simmim: encode hidden patches as mask tokens."},
    )
    mask_ratio: float | None = field(
        default=None, metadata={"help": "Share of patches to hide.", "default": "mae 0.75, simmim 0.6"}
    )
    decoder: Literal["stock", "light"] = field(
        default="stock",
        metadata={
            "help": "For mae: that of ViTMAEForPreTraining, or one layer that predicts a quarter of the hidden patches "
            "(faster, but a different objective)."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.hidden_share < 1:
            raise UserError(f"--mask_ratio must lie between 0 and 1, not {self.mask_ratio}")
        if self.objective == "simmim" and self.decoder == "light":
            raise UserError("--decoder light belongs to --objective mae; the decoder of simmim is a linear layer")

    def check(self, modality: Any) -> None:
        """Check that the share of hidden patches hides some but not all."""
        super().check(modality)
        hidden = self._hidden_patches(modality.patches)
        if not 0 < hidden < modality.patches:
            given = self.hidden_share if self.mask_ratio is not None else f"{self.hidden_share} (the default)"
            raise UserError(
                f"--mask_ratio {given} hides {hidden} of {modality.patches} patches; pass a smaller --patch_size, a larger "
                "--image_size or another --mask_ratio"
            )

    @property
    def hidden_share(self) -> float:
        """Return the share of hidden patches."""
        return self.mask_ratio if self.mask_ratio is not None else MASK_RATIOS[self.objective]

    def _hidden_patches(self, patches: int) -> int:
        """Return the number of hidden patches per image, which is constant."""
        return patches - int(patches * (1 - self.hidden_share))

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Crop, mirror half of the images, and choose the patches to hide.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), and "ranks", a random order of the patches, int64 of shape
            (rows, patches): the last ``hidden_patches`` are hidden.
        """
        from hf_ssl.common.randomness import random_ranks, subkeys

        place, choice = subkeys(keys, 2)
        images = prepared.modality.cropped(batch, place, SMALLEST_AREA)
        ranks = random_ranks(choice, prepared.modality.patches)
        return {"pixel_values": prepared.modality.normalise(images, prepared), "ranks": ranks}

    def model(self, prepared: Prepared, seed: int) -> Any:
        """Return a ``ViTMAEForPreTraining`` or a ``...ForMaskedImageModeling``."""
        from hf_ssl.modalities.images.encoders import masked_autoencoder_model, reconstruction_model

        if self.objective == "simmim":
            return reconstruction_model(prepared.modality, seed)
        return masked_autoencoder_model(prepared.modality, self.hidden_share, seed, light=self.decoder == "light")

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean squared error (mae) or mean absolute error (simmim) over the normalised hidden pixels."""
        return {"loss": self._predict(model, batch).loss}

    def _predict(self, model: Any, batch: dict[str, Tensor]) -> Any:
        from hf_ssl.modalities.images.masked_autoencoder import only_hidden

        pixels, ranks = batch["pixel_values"], batch["ranks"]
        if self.objective == "simmim":
            return model(pixel_values=pixels, bool_masked_pos=self._hidden(ranks))
        if self.decoder == "light":
            return model(pixel_values=pixels, ranks=ranks)
        with only_hidden(getattr(model, "module", model), self._hidden(ranks)):
            return model(pixel_values=pixels, noise=ranks.float())

    def _hidden(self, ranks: Tensor) -> Tensor:
        return ranks >= ranks.shape[1] - self._hidden_patches(ranks.shape[1])

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return the loss, and that of predicting the mean colour of all images everywhere."""
        import torch

        from hf_ssl.modalities.images.patches import cut

        size = prepared.modality.patch_size
        hidden = torch.cat(
            [cut(part.inputs["pixel_values"], size)[self._hidden(part.inputs["ranks"])] for part in parts]
        )
        errors = hidden.square() if self.objective == "mae" else hidden.abs()
        return score | {"mean_colour_loss": float(errors.mean())}

    def pictures(self, model: Any, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared) -> dict[str, Tensor]:
        """Return the images, what is left of them, and the predictions combined with the visible patches."""
        import torch

        part = self.corrupt(batch, keys, prepared)
        side = prepared.modality.image_size // prepared.modality.patch_size
        hidden = self._hidden(part["ranks"]).view(-1, 1, side, side).float()
        size = prepared.modality.patch_size
        hidden = hidden.repeat_interleave(size, 2).repeat_interleave(size, 3).bool()
        pictures = {"image": part["pixel_values"], "left of it": part["pixel_values"].masked_fill(hidden, 0)}
        if self.decoder == "stock":
            model.eval()
            with torch.no_grad():
                if self.objective == "simmim":
                    predicted = self._predict(model, part).reconstruction
                else:
                    predicted = model.unpatchify(model(part["pixel_values"], noise=part["ranks"].float()).logits)
            pictures["predicted"] = torch.where(hidden, predicted.float(), part["pixel_values"])
        return {title: prepared.modality.denormalise(picture, prepared) for title, picture in pictures.items()}
