"""What a pretext task is: a dataclass whose fields are flags, and a few methods."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hf_ssl.errors import UserError

if TYPE_CHECKING:  # heavy, and not needed for --help
    import numpy as np
    import pyarrow as pa
    from torch import Tensor
    from transformers import PreTrainedModel

    from hf_ssl.data.columns import RowReader
    from hf_ssl.data.stream import RowEncoder, Sample

STATISTICS = "statistics.safetensors"


@dataclass(frozen=True)
class Prepared:
    """What a task learned from the first training rows, before any step.

    Attributes:
        processor: a stock tokenizer or image processor.
        statistics: named tensors: token counts, directions of patches, codes.
    """

    processor: Any
    statistics: "dict[str, Tensor]" = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write both into an existing folder."""
        from safetensors.torch import save_file

        self.processor.save_pretrained(folder)
        save_file({name: tensor.contiguous() for name, tensor in self.statistics.items()}, folder / STATISTICS)


@dataclass(frozen=True)
class PretextTask(abc.ABC):
    """Something is hidden of an input and must be predicted from the rest; labels are never seen.

    What all tasks on texts or on images share is in `hf_ssl.modalities`; a task of its own has ``corrupt``, ``model`` and
    ``loss``. Its file, its test and its card template bear its name.

    Attributes:
        unit: what is counted for speed and cost, in the plural.
        embedded: the built-in data set.
        tag: of the card.
        pipeline: that a finished model serves, as the Hub calls it.
        library: by which a finished model is loaded, as the Hub calls it.
        baseline: key and title of the held-out figure that needs no model.
        most_skipped: share of unusable rows above which a run stops.
        watched_rows: labelled rows for a kNN during training, bank and test.
        training_defaults: of training flags, where others suit the task better.
        learning_rates: usual peak of each optimizer.
        needs_whole_batch: whether the samples of a batch are compared with one another.
    """

    unit: ClassVar[str]
    embedded: ClassVar[str]
    tag: ClassVar[str]
    pipeline: ClassVar[str]
    library: ClassVar[str] = "transformers"
    baseline: ClassVar[tuple[str, str]]
    most_skipped: ClassVar[float]
    watched_rows: ClassVar[tuple[int, int]] = (0, 0)
    training_defaults: ClassVar[dict[str, Any]] = {}
    learning_rates: ClassVar[dict[str, float]] = {"muon": 0.01, "adamw": 1e-3}
    needs_whole_batch: ClassVar[bool] = False

    config_name: str | None = field(
        default=None, metadata={"help": "Any transformers configuration, id or folder, instead of a size."}
    )
    model_name_or_path: str | None = field(default=None, metadata={"help": "Go on from this checkpoint."})
    dropout: float = field(default=0.0, metadata={"help": "Dropout, whatever the configuration says."})

    def __post_init__(self) -> None:
        if self.config_name and self.model_name_or_path:
            raise UserError(
                "--config_name and --model_name_or_path exclude each other: a checkpoint has its configuration"
            )
        if not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, not {self.dropout}")

    @property
    def name(self) -> str:
        """Of the task: that of its file."""
        return type(self).__module__.rsplit(".", 1)[-1]

    @property
    def units_per_sample(self) -> int:
        """How many units a sample has."""
        return 1

    @property
    def threads(self) -> int | None:
        """Threads that a step on a CPU gains by; None: as many as there are."""
        return None

    @property
    def block_rows(self) -> int:
        """Rows held in memory for shuffling."""
        return 2048

    @abc.abstractmethod
    def for_columns(self, table: "pa.Table", dataset: str) -> Self:
        """This task with its column settled, given some rows of the data set."""

    @abc.abstractmethod
    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> "RowReader":
        """Rows -> inputs; ``held_out`` chooses one side of the split by hash, None takes every row."""

    @abc.abstractmethod
    def size_of(self, value: Any) -> int:
        """How much an input counts towards ``surveyed``."""

    @property
    @abc.abstractmethod
    def surveyed(self) -> int:
        """How much of the first rows is looked at to prepare."""

    @property
    @abc.abstractmethod
    def measured_rows(self) -> tuple[int, int]:
        """Labelled rows that readouts are learned from and measured on, at most."""

    @abc.abstractmethod
    def prepare(self, inputs: list[Any]) -> Prepared:
        """The processor, and what else is learned from the first inputs."""

    @abc.abstractmethod
    def load_prepared(self, folder: Path) -> Prepared:
        """Read what `Prepared.save` wrote."""

    @abc.abstractmethod
    def encoder(self, prepared: Prepared, *, held_out: bool | None = None, strict: bool = False) -> "RowEncoder":
        """Rows -> samples."""

    @abc.abstractmethod
    def collate(self, samples: "list[Sample]") -> "dict[str, Tensor]":
        """Samples -> one batch of tensors."""

    @abc.abstractmethod
    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Inputs -> inputs with something hidden, and targets; vectorised, on the batch's device.

        All randomness is drawn from ``keys`` (one a sample), so that a sample is hidden alike in whatever batch, worker or
        process it comes. ``progress`` is the share of the training that is done.
        """

    @abc.abstractmethod
    def model(self, prepared: Prepared, seed: int) -> Any:
        """A model whose weights depend on the seed only, or those of a checkpoint."""

    @abc.abstractmethod
    def untrained(self, model: Any, prepared: Prepared, seed: int) -> Any:
        """The same architecture with new weights."""

    @abc.abstractmethod
    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Loss of a corrupted batch: "loss", the mean over the "labels" of the batch (its rows, where there are none).

        "logits" too, where something is classified; they belong to the "labels".
        """

    def product(self, model: Any) -> "PreTrainedModel":
        """What is kept of a trained model: a stock class."""
        return model

    def write_beside(self, product: "PreTrainedModel", folder: Path) -> None:
        """Write what belongs beside the saved model and processor; most tasks have nothing."""
        del product, folder

    def for_measuring(self) -> Self:
        """The task as held-out rows are measured with, whatever training hides."""
        return self

    @abc.abstractmethod
    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """What a card shows of a held-out score ("loss", perhaps "accuracy"), with what needs no model beside it."""

    @abc.abstractmethod
    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[Any],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = lambda _rows: None,
    ) -> "dict[str, np.ndarray]":
        """Frozen features: name of the layer -> float32 of shape (inputs, dimensions)."""

    @abc.abstractmethod
    def baselines(
        self, bank: Sequence[Any], test: Sequence[Any], prepared: Prepared, seed: int
    ) -> "dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]":
        """Features that need no pretraining: name -> variants to choose from -> (bank, test)."""

    def pictures(self, model: Any, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared) -> "dict[str, Any]":
        """What the task does: titles -> tensors in [0, 1] of shape (rows, 3, height, width); nothing for text."""
        del model, batch, keys, prepared
        return {}
