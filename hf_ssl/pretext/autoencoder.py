"""Autoencoder: images through a short vector and back, plain or variational (Kingma and Welling 2014)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hf_ssl.errors import UserError
from hf_ssl.modalities.images import ImageTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    import numpy as np
    from torch import Tensor

    from hf_ssl.models.autoencoder import AutoencoderConfig

SIZES = {"tiny": (32, 64, 128), "small": (64, 128, 256), "base": (128, 256, 512)}  # widths of the encoder
SMALLEST_AREA = 0.9  # of the crops


@dataclass(frozen=True)
class Autoencoder(ImageTask):
    """Press an image into a short vector, make it again from that."""

    _argument_group_name = "task: autoencoder"
    tag: ClassVar[str] = "autoencoder"
    baseline: ClassVar[tuple[str, str]] = ("mean_colour_loss", "the mean colour everywhere")
    training_defaults: ClassVar[dict[str, Any]] = ImageTask.training_defaults | {"batch_size": 64}
    learning_rates: ClassVar[dict[str, float]] = {"muon": 0.01, "adamw": 1e-3}

    architecture: Literal["convolution"] = field(
        default="convolution", metadata={"help": "Convolutions that halve the grid, and the same backwards."}
    )
    variational: bool = field(
        default=False, metadata={"help": "The vector is drawn from a Gaussian that is held near the standard one."}
    )
    latent_size: int = field(default=64, metadata={"help": "Dimensions of the vector."})
    divergence_weight: float = field(
        default=0.1,
        metadata={
            "help": "Of the variational one: of the Kullback-Leibler divergence. More of it: better new images, more blurred old "
            "ones. (In theory twice the variance of the error, in units of the pixels' own.)"
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latent_size < 1:
            raise UserError(f"--latent_size must be at least 1, not {self.latent_size}")
        if not 0 <= self.divergence_weight < float("inf"):
            raise UserError(f"--divergence_weight must be a number of at least 0, not {self.divergence_weight}")

    def survey(self, images: "Tensor") -> "dict[str, Tensor]":
        """Nothing: all layers are trained."""
        return {}

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Crop a little, perhaps mirror.

        Returns:
            "pixel_values", float of shape (rows, 3, size, size), and for the variational one "noise", standard normal of shape
            (rows, latent_size).
        """
        from hf_ssl.data.augmentation import as_float, crop_and_flip
        from hf_ssl.randomness import subkeys

        place, draw = subkeys(keys, 2)
        images = crop_and_flip(as_float(batch["image"]), place, self.image_size, SMALLEST_AREA)
        pixels = {"pixel_values": self.normalise(images, prepared)}
        return pixels | {"noise": normal(draw, self.latent_size)} if self.variational else pixels

    def model(self, prepared: Prepared, seed: int) -> Any:
        """An ``AutoencoderModel``, new or from a checkpoint."""
        import torch
        from transformers import AutoConfig

        from hf_ssl.models.autoencoder import AutoencoderConfig, AutoencoderModel
        from hf_ssl.models.configuration import making, options, seeded
        from hf_ssl.models.images import encoder_model

        name = self.model_name_or_path or self.config_name
        if name:
            with making("autoencoder", name):
                config = AutoConfig.from_pretrained(name)
            self._check(name, config)
            model: Any = encoder_model(self, {}, seed)
        else:
            config = AutoencoderConfig(
                self.image_size, SIZES[self.model_size], self.latent_size, variational=self.variational
            )
            with seeded(seed):
                model = AutoencoderModel._from_config(config, **options())
        return model.to(memory_format=torch.channels_last)

    def _check(self, name: str, config: "AutoencoderConfig") -> None:
        from hf_ssl.models.autoencoder import AutoencoderConfig

        if not isinstance(config, AutoencoderConfig):
            raise UserError(
                f"'{name}' is no {AutoencoderConfig.model_type} but {config.model_type}; name one of this task"
            )
        for flag in ("variational", "latent_size"):
            if getattr(config, flag) != getattr(self, flag):
                raise UserError(f"'{name}' was made with --{flag} {getattr(config, flag)}; give that here too")

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Mean squared error of the pixels, in units of their spread, and the weighted divergence a pixel.

        Returns:
            "loss", the sum; of the variational one also its parts: "reconstruction_loss" and "divergence", in nats an image.
        """
        pixels = batch["pixel_values"]
        output = model(pixel_values=pixels, noise=batch.get("noise"))
        error = (output.reconstruction.float() - pixels).square().mean()
        if not self.variational:
            return {"loss": error}
        divergence = kl_divergence(output.pooler_output.float(), output.log_variance.float()).mean()
        share = self.divergence_weight / pixels[0].numel()
        return {"loss": error + share * divergence, "reconstruction_loss": error, "divergence": divergence}

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """The loss, and that of the mean colour of all images everywhere."""
        import torch

        return score | {"mean_colour_loss": float(torch.cat([part["pixel_values"] for part in parts]).square().mean())}

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: "Sequence[np.ndarray]",
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = lambda _rows: None,
    ) -> "dict[str, np.ndarray]":
        """The last grid of the encoder, mean-pooled, and the latent (of the variational one its mean)."""
        features = super().embed(model, prepared, inputs, autocast, progress)
        features["latent"] = features.pop("last layer")
        return features

    def pictures(self, model: Any, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared) -> dict[str, Any]:
        """Whole images and what becomes of them; of the variational one, images of a latent that was drawn, too."""
        import torch

        from hf_ssl.data.augmentation import as_float

        pixels = self.normalise(as_float(batch["image"]), prepared)
        model.eval()
        with torch.no_grad():
            pictures = {"image": pixels, "predicted": model(pixel_values=pixels).reconstruction}
            if self.variational:
                pictures["drawn"] = model.decode(normal(keys, self.latent_size))
        return {title: self.shown(picture.float(), prepared) for title, picture in pictures.items()}


def normal(keys: "Tensor", count: int) -> "Tensor":
    """Counter-based standard normal numbers, float32 of shape (rows, count); see `hf_ssl.randomness.random_uniform`."""
    import torch

    from hf_ssl.randomness import random_uniform

    middle = 2 * random_uniform(keys, count) - 1 + 2.0**-53  # never -1 or 1, where the inverse is infinite
    return (2**0.5 * torch.erfinv(middle)).float()


def kl_divergence(mean: "Tensor", log_variance: "Tensor") -> "Tensor":
    """Of Gaussians (rows, dimensions) from the standard one, in nats a row (Kingma and Welling 2014, appendix B)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
