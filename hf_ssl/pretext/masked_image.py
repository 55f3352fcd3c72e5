"""Masked images: hide patches, predict their pixels (MAE: He et al. 2022; SimMIM: Xie et al. 2022)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hf_ssl.errors import UserError
from hf_ssl.modalities.images import ImageTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

MASK_RATIOS = {"mae": 0.75, "simmim": 0.6}
SMALLEST_AREA = 0.5  # of the crops


@dataclass(frozen=True)
class MaskedImage(ImageTask):
    """Hide patches, predict pixels."""

    _argument_group_name = "task: masked images"
    tag: ClassVar[str] = "masked-image-modeling"
    baseline: ClassVar[tuple[str, str]] = ("mean_colour_loss", "the mean colour everywhere")

    architecture: Literal["vit"] = field(default="vit", metadata={"help": "What is hidden are patches of a ViT."})
    objective: Literal["mae", "simmim"] = field(
        default="mae",
        metadata={"help": "mae: only visible patches are encoded; simmim: hidden ones are encoded as a mask token."},
    )
    mask_ratio: float | None = field(
        default=None, metadata={"help": "Share of the patches that is hidden (default: mae 0.75, simmim 0.6)."}
    )
    decoder: Literal["stock", "light"] = field(
        default="stock",
        metadata={
            "help": "Of mae: that of ViTMAEForPreTraining, or one layer that predicts a quarter of the hidden patches "
            "(another objective, faster)."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        patches = (self.image_size // self.patch_size) ** 2
        if not 0 < self.hidden_share < 1:
            raise UserError(f"--mask_ratio must lie between 0 and 1, not {self.mask_ratio}")
        if not 0 < self.hidden_patches < patches:
            raise UserError(f"--mask_ratio {self.mask_ratio} hides {self.hidden_patches} of {patches} patches")
        if self.objective == "simmim" and self.decoder == "light":
            raise UserError("--decoder light belongs to --objective mae; simmim has no decoder but a linear layer")

    @property
    def hidden_share(self) -> float:
        """Of the patches."""
        return self.mask_ratio if self.mask_ratio is not None else MASK_RATIOS[self.objective]

    @property
    def hidden_patches(self) -> int:
        """How many of an image, always."""
        patches = (self.image_size // self.patch_size) ** 2
        return patches - int(patches * (1 - self.hidden_share))

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Crop, perhaps mirror, and choose the patches to hide.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), and "ranks", a random order of the patches, int64 of shape
            (rows, patches): the last ``hidden_patches`` are hidden.
        """
        from hf_ssl.data.augmentation import as_float, crop_and_flip
        from hf_ssl.randomness import random_ranks, subkeys

        place, choice = subkeys(keys, 2)
        images = crop_and_flip(as_float(batch["image"]), place, self.image_size, SMALLEST_AREA)
        ranks = random_ranks(choice, (self.image_size // self.patch_size) ** 2)
        return {"pixel_values": self.normalise(images, prepared), "ranks": ranks}

    def model(self, prepared: Prepared, seed: int) -> Any:
        """A ``ViTMAEForPreTraining`` or a ``...ForMaskedImageModeling``."""
        from hf_ssl.models.images import autoencoder_model, reconstruction_model
        from hf_ssl.models.light_decoder import with_light_decoder

        if self.objective == "simmim":
            return reconstruction_model(self, seed)
        model = autoencoder_model(self, self.hidden_share, seed)
        return with_light_decoder(model, seed) if self.decoder == "light" else model

    def product(self, model: Any) -> "PreTrainedModel":
        """The whole model; of one with a light decoder the encoder."""
        return model.base_model if self.decoder == "light" else model

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Mean squared error (mae) or mean absolute error (simmim) over the hidden pixels, in units of their spread."""
        return {"loss": self._predict(model, batch).loss}

    def _predict(self, model: Any, batch: "dict[str, Tensor]") -> Any:
        from hf_ssl.models.masked_autoencoder import only_hidden

        pixels, ranks = batch["pixel_values"], batch["ranks"]
        if self.objective == "simmim":
            return model(pixel_values=pixels, bool_masked_pos=self._hidden(ranks))
        if self.decoder == "light":
            return model(pixel_values=pixels, ranks=ranks)
        with only_hidden(getattr(model, "module", model), self._hidden(ranks)):
            return model(pixel_values=pixels, noise=ranks.float())

    def _hidden(self, ranks: "Tensor") -> "Tensor":
        return ranks >= ranks.shape[1] - self.hidden_patches

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """The loss, and that of the mean colour of all images everywhere."""
        import torch

        from hf_ssl.data.patches import cut

        hidden = torch.cat([cut(part["pixel_values"], self.patch_size)[self._hidden(part["ranks"])] for part in parts])
        errors = hidden.square() if self.objective == "mae" else hidden.abs()
        return score | {"mean_colour_loss": float(errors.mean())}

    def pictures(self, model: Any, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared) -> dict[str, Any]:
        """The image, what is left of it, and the prediction with the visible patches put in."""
        import torch
        from torch.nn.functional import interpolate

        part = self.corrupt(batch, keys, prepared)
        side = self.image_size // self.patch_size
        hidden = self._hidden(part["ranks"]).view(-1, 1, side, side).float()
        hidden = interpolate(hidden, scale_factor=self.patch_size).bool()
        pictures = {"image": part["pixel_values"], "left of it": part["pixel_values"].masked_fill(hidden, 0)}
        if self.decoder == "stock":
            model.eval()
            with torch.no_grad():
                if self.objective == "simmim":
                    predicted = self._predict(model, part).reconstruction
                else:
                    predicted = model.unpatchify(model(part["pixel_values"], noise=part["ranks"].float()).logits)
            pictures["predicted"] = torch.where(hidden, predicted.float(), part["pixel_values"])
        return {title: self.shown(picture, prepared) for title, picture in pictures.items()}
