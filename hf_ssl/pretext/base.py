"""What a pretext task is: a dataclass whose fields are flags, and a few methods."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from transformers import PreTrainedModel

    from hf_ssl.data.stream import RowEncoder, Sample


class PretextTask(Protocol):
    """Something is hidden of an input and must be predicted from the rest; labels are never seen.

    ``corrupt`` draws all its randomness from ``keys`` (one a sample), so that a sample is hidden alike in whatever batch,
    worker or process it comes. ``loss`` returns "loss", the mean over the "labels" of the batch (its rows, where there are
    none), and anything else worth looking at.
    """

    @property
    def unit(self) -> str:
        """What is counted for speed and cost, in the plural: "tokens"."""
        ...

    @property
    def units_per_sample(self) -> int:
        """How many of them a sample has."""
        ...

    def processor(self, texts: list[str]) -> Any:
        """The tokenizer or image processor: a stock one, or one made for the first rows."""
        ...

    def encoder(self, processor: Any, *, held_out: bool | None, strict: bool) -> "RowEncoder":
        """Rows -> samples; ``held_out`` chooses one side of the split by hash, None takes every row."""
        ...

    def collate(self, samples: "list[Sample]") -> "dict[str, Tensor]":
        """Samples -> one batch of tensors."""
        ...

    def corrupt(self, batch: "dict[str, Tensor]", keys: "Tensor", processor: Any) -> "dict[str, Tensor]":
        """Inputs -> inputs with something hidden, and targets; vectorised, on the batch's device."""
        ...

    def model(self, processor: Any, counts: "np.ndarray", seed: int) -> "PreTrainedModel":
        """A stock model class, with weights that depend on the seed only, or those of a checkpoint."""
        ...

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Loss of a corrupted batch."""
        ...
