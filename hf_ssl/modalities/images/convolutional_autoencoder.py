"""A small convolutional autoencoder. This file, with transformers and torch, is enough to load its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput


class AutoencoderConfig(PreTrainedConfig):
    """Configuration: the widths of the encoder's layers, each of which halves the grid; the decoder reverses their order."""

    model_type = "hf_ssl_autoencoder"

    def __init__(
        self,
        image_size: int = 32,
        hidden_sizes: tuple[int, ...] = (64, 128, 256),
        latent_size: int = 64,
        variational: bool = False,
        **options: Any,
    ) -> None:
        """Set the pixels per side, the widths, the dimensions of the latent and whether it has a variance."""
        super().__init__(**options)
        self.image_size = image_size
        self.hidden_sizes = list(hidden_sizes)
        self.hidden_size = self.latent_size = latent_size
        self.variational = variational

    @property
    def grids(self) -> list[int]:
        """Return the grid size per side: of the image, then after each layer of the encoder."""
        return [self.image_size >> halvings for halvings in range(len(self.hidden_sizes) + 1)]


@dataclass
class AutoencoderOutput(ModelOutput):
    """The output of an autoencoder.

    Attributes:
        last_hidden_state: the latent as a 1x1 grid, (rows, latent_size, 1, 1).
        pooler_output: the latent (its mean, if variational), (rows, latent_size).
        log_variance: log variance of the latent, (rows, latent_size); None if not variational.
        hidden_states: grids after each layer, then the latent; None unless requested.
        reconstruction: (rows, 3, size, size); None for the encoder alone.
    """

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    log_variance: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    reconstruction: Tensor | None = None


class _Autoencoder(PreTrainedModel):
    config_class = AutoencoderConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()


class AutoencoderEncoder(_Autoencoder):
    """4x4 convolutions of stride 2 with ReLUs, and a linear layer to the latent; no norms, which would remove brightness."""

    def __init__(self, config: AutoencoderConfig) -> None:
        """Build the model with random weights."""
        super().__init__(config)
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise([3, *config.hidden_sizes])])
        width = config.hidden_sizes[-1] * config.grids[-1] ** 2
        self.latent = nn.Linear(width, config.latent_size * (2 if config.variational else 1))
        self.post_init()

    def forward(self, pixel_values: Tensor, output_hidden_states: bool | None = None, **_: Any) -> AutoencoderOutput:
        """Encode pixel_values (rows, 3, size, size) to the latent, and grids of 1/2, 1/4 and 1/8 of the size."""
        hidden, states = pixel_values.contiguous(memory_format=torch.channels_last), []
        for layer in self.layers:
            hidden = layer(hidden).relu()
            states.append(hidden)
        latent = self.latent(hidden.flatten(1))
        mean, log_variance = latent.chunk(2, 1) if self.config.variational else (latent, None)
        place = mean[:, :, None, None]
        return AutoencoderOutput(
            last_hidden_state=place,
            pooler_output=mean,
            log_variance=log_variance,
            hidden_states=(*states, place) if output_hidden_states else None,
        )


class AutoencoderModel(_Autoencoder):
    """The encoder and a mirrored decoder of 3x3 convolutions, each with a ReLU and a doubling of the grid size.

    If variational (Kingma and Welling 2014), the encoder gives mean and log variance of a Gaussian latent.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        """Build the model with random weights."""
        super().__init__(config)
        self.encoder = AutoencoderEncoder(config)
        sizes = config.hidden_sizes[::-1]
        self.grid = nn.Linear(config.latent_size, sizes[0] * config.grids[-1] ** 2)
        self.enlarging = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise([*sizes, sizes[-1] // 2])])
        self.pixels = nn.Conv2d(sizes[-1] // 2, 3, 3, padding=1)
        self.post_init()

    def forward(
        self,
        pixel_values: Tensor,
        noise: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> AutoencoderOutput:
        """Encode and reconstruct pixel_values (rows, 3, size, size).

        With standard normal ``noise`` (rows, latent_size), a sample of the latent distribution is decoded; without it, the
        mean.
        """
        output = self.encoder(pixel_values, output_hidden_states)
        latent = output.pooler_output
        if noise is not None and output.log_variance is not None:
            latent = latent + noise * (output.log_variance / 2).exp()
        output.reconstruction = self.decode(latent)
        return output

    def decode(self, latent: Tensor) -> Tensor:
        """Decode a latent (rows, latent_size) to an image (rows, 3, size, size)."""
        *larger, smallest = self.config.grids
        hidden = self.grid(latent).relu().view(len(latent), -1, smallest, smallest)
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        for layer, grid in zip(self.enlarging, reversed(larger), strict=True):
            hidden = interpolate(layer(hidden).relu(), size=(grid, grid))
        return self.pixels(hidden)


AutoConfig.register(AutoencoderConfig.model_type, AutoencoderConfig)
AutoModel.register(AutoencoderConfig, AutoencoderModel)
