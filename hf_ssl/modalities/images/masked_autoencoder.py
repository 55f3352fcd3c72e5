"""Masked autoencoders: an exact, faster version of the stock model, and one with a light decoder (cf. CrossMAE, Fu 2024)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import ViTMAEForPreTraining
from transformers.models.vit_mae.modeling_vit_mae import ViTMAEEmbeddings
from transformers.utils.generic import ModelOutput

from hf_ssl.modalities.building import seeded
from hf_ssl.modalities.images.patches import cut


class VisibleEmbeddings(ViTMAEEmbeddings):
    """Stock embeddings that embed only visible patches, rather than embedding all and discarding the hidden ones."""

    def forward(  # type: ignore[override] # the stock hint names one tensor, the stock method returns these three
        self, pixel_values: Tensor, noise: Tensor | None = None, interpolate_pos_encoding: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the embedded class token and visible patches, the mask and the original order; see ``ViTMAEEmbeddings``."""
        if noise is None or interpolate_pos_encoding:
            whole: Any = super().forward(pixel_values, noise, interpolate_pos_encoding)
            return whole
        order = noise.argsort(1)
        restore = order.argsort(1)
        seen = order[:, : int(noise.shape[1] * (1 - self.config.mask_ratio))]
        patches = cut(pixel_values, self.patch_embeddings.patch_size[0])
        patches = patches.gather(1, seen[:, :, None].expand(-1, -1, patches.shape[2]))
        projection = self.patch_embeddings.projection
        embedded = nn.functional.linear(patches, projection.weight.flatten(1), projection.bias)
        embedded = embedded + self.position_embeddings[0, 1:][seen]
        first = (self.cls_token + self.position_embeddings[:, :1]).expand(len(embedded), -1, -1)
        return torch.cat([first, embedded], 1), (restore >= seen.shape[1]).to(embedded.dtype), restore


def with_visible_embeddings(model: ViTMAEForPreTraining) -> ViTMAEForPreTraining:
    """Replace the stock embeddings by `VisibleEmbeddings` with the same weights."""
    with torch.device("meta"):  # draws no random numbers
        embeddings = VisibleEmbeddings(model.config)
    embeddings.load_state_dict(model.vit.embeddings.state_dict(), assign=True)
    model.vit.embeddings = embeddings
    return model


@contextlib.contextmanager
def only_hidden(model: ViTMAEForPreTraining, hidden: Tensor) -> Iterator[None]:
    """Restrict the last feed-forward layer and the prediction of the decoder to hidden patches within this context.

    After the last attention, patches do not interact. Predictions for visible patches become zero; they have no weight in
    the loss.

    Args:
        model: the model to call within the context.
        hidden: bool, shape (rows, patches): the same number in each row.
    """
    rows = len(hidden)
    places = hidden.nonzero()[:, 1].view(rows, -1, 1) + 1  # after the class token

    def pick(_module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        return inputs[0].gather(1, places.expand(-1, -1, inputs[0].shape[2]))

    def put_back(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        whole = output.new_zeros(rows, hidden.shape[1] + 1, output.shape[2])
        return whole.scatter(1, places.expand(-1, -1, output.shape[2]), output)

    last: Any = model.decoder.decoder_layers[-1]
    handles = [
        last.layernorm_after.register_forward_pre_hook(pick),
        last.mlp.register_forward_hook(put_back),
        model.decoder.decoder_norm.register_forward_pre_hook(pick),
        model.decoder.decoder_pred.register_forward_hook(put_back),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


PREDICTED_SHARE = 1 / 4  # of the hidden patches


class LightMaskedAutoencoder(nn.Module):
    """An encoder with a single cross-attention layer from hidden patches to encoded ones as decoder.

    Attributes:
        base_model: a ``ViTMAEModel``, the part that is kept.
    """

    def __init__(self, stock: ViTMAEForPreTraining) -> None:
        """Build a new decoder on the encoder of a stock model."""
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
        """Return the mean squared error of the predicted pixels.

        Args:
            pixel_values: float, shape (rows, 3, size, size).
            ranks: int64, shape (rows, patches): a random order; the first patches are visible, the last predicted.
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
        """Return the number of parameters of encoder and decoder."""
        return sum(parameter.numel() for parameter in self.parameters())

    def get_output_embeddings(self) -> Any:
        """Return None: there are no output embeddings."""
        return None


def with_light_decoder(stock: ViTMAEForPreTraining, seed: int) -> LightMaskedAutoencoder:
    """Replace the decoder of a stock model by a new light decoder."""
    with seeded(seed), torch.no_grad():
        return LightMaskedAutoencoder(stock)
