"""A light decoder for a masked autoencoder: one layer, some of the hidden patches (after CrossMAE: Fu et al. 2024)."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import ViTMAEForPreTraining
from transformers.utils.generic import ModelOutput

from hf_ssl.data.patches import cut
from hf_ssl.models.configuration import seeded

PREDICTED_SHARE = 1 / 4  # of the hidden patches


class LightMaskedAutoencoder(nn.Module):
    """Hidden patches look at the encoded ones, once, and not at each other.

    Attributes:
        base_model: a ``ViTMAEModel``: what is kept.
    """

    def __init__(self, stock: ViTMAEForPreTraining) -> None:
        """Take the encoder of a stock model."""
        super().__init__()
        config: Any = stock.config
        self.base_model = stock.vit
        self.heads, width = config.num_attention_heads, config.hidden_size
        places = stock.vit.embeddings.position_embeddings[:, 1:].detach().clone()
        self.places = nn.Parameter(places, requires_grad=False)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.predict = nn.Linear(width, config.num_channels * config.patch_size**2)

    def forward(self, pixel_values: Tensor, ranks: Tensor) -> ModelOutput:
        """Mean squared error of the predicted pixels.

        Args:
            pixel_values: float, shape (rows, 3, size, size).
            ranks: int64, shape (rows, patches): a random order; the first ones are visible, the last ones predicted.
        """
        config: Any = self.base_model.config
        rows, patches = ranks.shape
        hidden = patches - int(patches * (1 - config.mask_ratio))
        predicted = max(1, round(hidden * PREDICTED_SHARE))
        chosen = ranks.argsort(1)[:, patches - predicted :, None]
        targets = cut(pixel_values, config.patch_size)
        targets = targets.gather(1, chosen.expand(-1, -1, targets.shape[2]))

        seen = self.base_model(pixel_values=pixel_values, noise=ranks.float()).last_hidden_state
        places = self.places.expand(rows, -1, -1).gather(1, chosen.expand(-1, -1, self.places.shape[2]))
        query = self._by_head(self.query(places))
        key, value = (self._by_head(part) for part in self.key_value(seen).chunk(2, dim=2))
        weights = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(-1)
        found = places + (weights @ value).transpose(1, 2).flatten(2)
        found = found + self.feed_forward(self.norm(found))
        loss = (self.predict(found).float() - targets).square().mean()
        return ModelOutput(loss=loss)

    def _by_head(self, hidden: Tensor) -> Tensor:
        return hidden.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def num_parameters(self) -> int:
        """Of encoder and decoder."""
        return sum(parameter.numel() for parameter in self.parameters())

    def get_output_embeddings(self) -> Any:
        """There are none."""
        return None


def with_light_decoder(stock: ViTMAEForPreTraining, seed: int) -> LightMaskedAutoencoder:
    """Put a new light decoder in the place of a stock one."""
    with seeded(seed), torch.no_grad():
        return LightMaskedAutoencoder(stock)
