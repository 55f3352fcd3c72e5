"""Autoencoder: compress images to a short vector and reconstruct them, plain or variational (Kingma and Welling 2014)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.base import PretextTask

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part

SMALLEST_AREA = 0.9  # of the crops


@dataclass(frozen=True)
class Autoencoder(PretextTask):
    """Compress an image into a short vector and reconstruct it."""

    _argument_group_name = "task: autoencoder"
    tag: ClassVar[str] = "autoencoder"
    baseline: ClassVar[tuple[str, str]] = ("mean_colour_loss", "the mean colour everywhere")
    modalities: ClassVar[tuple[str, ...]] = ("images",)
    brings_encoder: ClassVar[bool] = True
    requires: ClassVar[dict[str, Any]] = {"architecture": "convolution"}
    defaults: ClassVar[dict[str, Any]] = {"batch_size": 64}
    learning_rates: ClassVar[dict[str, float]] = {"muon": 0.01, "adamw": 1e-3}

    variational: bool = field(
        default=False, metadata={"help": "Draw the vector from a Gaussian kept close to the standard normal."}
    )
    latent_size: int = field(default=64, metadata={"help": "Dimensions of the vector."})
    divergence_weight: float = field(
        default=0.1,
        metadata={
            "help": "With --variational: weight of the Kullback-Leibler divergence. A larger weight gives better generated "
            "images but blurrier reconstructions; in theory, twice the error variance, relative to the pixels' variance."
        },
    )

    def __post_init__(self) -> None:
        if self.latent_size < 1:
            raise UserError(f"--latent_size must be at least 1, not {self.latent_size}")
        if not 0 <= self.divergence_weight < float("inf"):
            raise UserError(f"--divergence_weight must be a number of at least 0, not {self.divergence_weight}")

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Crop slightly and mirror half of the images.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), and, if variational, "noise", standard normal of shape
            (rows, latent_size).
        """
        from hf_ssl.common.randomness import random_normal, subkeys

        place, draw = subkeys(keys, 2)
        images = prepared.modality.cropped(batch, place, SMALLEST_AREA)
        pixels = {"pixel_values": prepared.modality.normalise(images, prepared)}
        return pixels | {"noise": random_normal(draw, self.latent_size)} if self.variational else pixels

    def model(self, prepared: Prepared, seed: int) -> Any:
        """Return an ``AutoencoderModel``, new or from a checkpoint."""
        from hf_ssl.modalities.images.encoders import autoencoder

        return autoencoder(prepared.modality, self.latent_size, self.variational, seed)

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean squared error of normalised pixels plus the weighted divergence per pixel.

        Returns:
            "loss", the sum; if variational, also "reconstruction_loss" and "divergence" (in nats per image).
        """
        pixels = batch["pixel_values"]
        output = model(pixel_values=pixels, noise=batch.get("noise"))
        error = (output.reconstruction.float() - pixels).square().mean()
        if not self.variational:
            return {"loss": error}
        divergence = kl_divergence(output.pooler_output.float(), output.log_variance.float()).mean()
        share = self.divergence_weight / pixels[0].numel()
        return {"loss": error + share * divergence, "reconstruction_loss": error, "divergence": divergence}

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return the loss, and that of predicting the mean colour of all images everywhere."""
        import torch

        return score | {
            "mean_colour_loss": float(torch.cat([part.inputs["pixel_values"] for part in parts]).square().mean())
        }

    def pictures(self, model: Any, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared) -> dict[str, Tensor]:
        """Return images and their reconstructions; if variational, also images decoded from random latents."""
        import torch

        from hf_ssl.common.randomness import random_normal

        pixels = prepared.modality.augmented(batch, None, prepared)["pixel_values"]
        model.eval()
        with torch.no_grad():
            pictures = {"image": pixels, "predicted": model(pixel_values=pixels).reconstruction}
            if self.variational:
                pictures["drawn"] = model.decode(random_normal(keys, self.latent_size))
        return {title: prepared.modality.denormalise(picture.float(), prepared) for title, picture in pictures.items()}


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, 1)) in nats per row: shape (rows,) (Kingma and Welling 2014, appendix B)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
