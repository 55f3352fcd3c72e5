"""The last steps of a masked autoencoder's decoder on hidden patches only: exact, and the stock model stays stock."""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from transformers import ViTMAEForPreTraining


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
