"""A masked autoencoder embeds visible patches only, and ends its decoder on hidden ones: exact, and saved as the stock one."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import ViTMAEForPreTraining
from transformers.models.vit_mae.modeling_vit_mae import ViTMAEEmbeddings

from hf_ssl.data.patches import cut


class VisibleEmbeddings(ViTMAEEmbeddings):
    """Stock embeddings, which embed all patches and then throw the hidden ones away, without that waste."""

    def forward(  # type: ignore[override] # the stock hint names one tensor, the stock method returns these three
        self, pixel_values: Tensor, noise: Tensor | None = None, interpolate_pos_encoding: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See ``ViTMAEEmbeddings``: embedded class token and visible patches, the mask, the order that was before."""
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
    """Put `VisibleEmbeddings` with the same weights in the place of the stock ones."""
    with torch.device("meta"):  # draws no random numbers
        embeddings = VisibleEmbeddings(model.config)
    embeddings.load_state_dict(model.vit.embeddings.state_dict(), assign=True)
    model.vit.embeddings = embeddings
    return model


@contextlib.contextmanager
def only_hidden(model: ViTMAEForPreTraining, hidden: Tensor) -> Iterator[None]:
    """Within this context the last feed-forward and the prediction of the decoder run where the loss looks.

    Behind the last attention every patch goes its way alone. What is predicted for visible patches is zero then; their loss
    has the weight zero.

    Args:
        model: whose forward method is called.
        hidden: bool, shape (rows, patches): the same number in each row.
    """
    rows = len(hidden)
    places = hidden.nonzero()[:, 1].view(rows, -1, 1) + 1  # behind the class token

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
