"""An encoder with a head that is thrown away after training."""

from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


def grid_of(hidden: Tensor) -> Tensor:
    """Hidden states of places, without a class token: (rows, places, channels), whatever the architecture."""
    if hidden.ndim == 4:  # convolutional: (rows, channels, height, width)
        return hidden.flatten(2).transpose(1, 2)
    places = hidden.shape[1]
    return hidden[:, 1:] if int((places - 1) ** 0.5) ** 2 == places - 1 else hidden


class EncoderWithHead(nn.Module):
    """A head on the mean of an encoder's last hidden states, or on each of them.

    Attributes:
        base_model: the encoder: what is kept.
        head: takes (..., channels).
        pooled: whether it sees the mean over all places.
    """

    def __init__(self, encoder: PreTrainedModel, head: nn.Module, pooled: bool) -> None:
        """Put the parts together."""
        super().__init__()
        self.base_model = encoder
        self.head = head
        self.pooled = pooled

    def forward(self, pixel_values: Tensor) -> Tensor:
        """pixel_values (rows, 3, height, width) -> what the head says of each row, or of each place."""
        places = grid_of(self.base_model(pixel_values=pixel_values).last_hidden_state)
        return self.head(places.float().mean(1) if self.pooled else places)

    def num_parameters(self) -> int:
        """Of encoder and head."""
        return sum(parameter.numel() for parameter in self.parameters())

    def get_output_embeddings(self) -> Any:
        """There are none."""
        return None
