"""The interface of a modality: everything specific to one kind of data, and nothing specific to a task."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from safetensors.torch import load_file
from torch import Tensor

from hf_ssl.common.progress import no_progress
from hf_ssl.data.columns import RowReader
from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import RowEncoder, Sample
from hf_ssl.modalities.baseline import Baseline
from hf_ssl.modalities.flags import ModalityFlags, ViewFlags
from hf_ssl.modalities.prepared import STATISTICS, Costs, Needs, Prepared
from hf_ssl.modalities.shown import Shown


@dataclass(frozen=True)
class Modality(ModalityFlags, Shown, abc.ABC):
    """One kind of data. Its fields are flags; `ModalityFlags` holds the flags that do not need torch.

    Attributes:
        name: name in flags, files and results.
        rows_name: plural noun for rows.
        most_skipped: share of unusable rows above which a run stops.
        watched_rows: labelled rows for a kNN during training, bank and test.
        feature_pipeline: Hub pipeline for a bare encoder.
        feature_library: library that loads a bare encoder, by its Hub name.
        classification_pipeline: Hub pipeline for a classifier.
        costs: cost estimates for planning comparisons.
        views: how two views of an input differ.
    """

    name: ClassVar[str]
    rows_name: ClassVar[str]
    most_skipped: ClassVar[float]
    watched_rows: ClassVar[tuple[int, int]] = (0, 0)
    feature_pipeline: ClassVar[str]
    feature_library: ClassVar[str] = "transformers"
    classification_pipeline: ClassVar[str]
    costs: ClassVar[Costs]

    views: ViewFlags = field(default_factory=ViewFlags)

    @classmethod
    @abc.abstractmethod
    def recognises(cls, table: pa.Table) -> bool:
        """Return whether a table of rows holds this kind of data."""

    @property
    @abc.abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Return the columns that make up an input, once they are resolved."""

    @abc.abstractmethod
    def for_columns(self, table: pa.Table, dataset: str, label_column: str | None = None) -> Self:
        """Return this modality with its columns resolved, given some rows of the data set.

        Raises:
            UserError: if the named columns do not exist, or no column is suitable.
        """

    def as_read(self, table: pa.Table) -> pa.Table:
        """Return rows with the columns in the types that they are read as; by default unchanged."""
        return table

    def for_values(self, rows: Rows) -> Self:
        """Return this modality with what must be known of the values before rows are read; by default itself.

        Args:
            rows: the training rows; a sample of them may be read.

        Raises:
            UserError: if the values cannot be used.
        """
        del rows
        return self

    def warnings_about(self, inputs: Sequence[Any]) -> list[str]:
        """Return a sentence for each doubt about the values of the first inputs; by default none.

        Raises:
            UserError: if nothing can be learned from them.
        """
        del inputs
        return []

    @abc.abstractmethod
    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> RowReader:
        """Return a reader of inputs; ``held_out`` selects one side of the hash-based split, None reads all rows."""

    @abc.abstractmethod
    def content(self, value: Any) -> bytes:
        """Return the content of an input as bytes, by which it is ordered and identified."""

    def size_of(self, value: Any) -> int:
        """Return the size of an input, which counts towards ``surveyed``."""
        del value
        return 1

    def cut(self, value: Any, most: int) -> Any:
        """Return an input, cut to a size if it can be cut."""
        del most
        return value

    @property
    @abc.abstractmethod
    def surveyed(self) -> int:
        """Return the total size of the first inputs that are read for preparation."""

    @property
    @abc.abstractmethod
    def measured_rows(self) -> tuple[int, int]:
        """Return the maximum numbers of labelled rows, bank and test, for evaluating a run."""

    @property
    def block_rows(self) -> int:
        """Return the number of rows held in memory for shuffling."""
        return 2048

    @property
    def relative_cost(self) -> float:
        """Return the cost of a step or a row, relative to the sizes assumed in ``costs``."""
        return 1.0

    @property
    def threads(self) -> int | None:
        """Return the number of CPU threads that a step benefits from; None uses all."""
        return None

    @property
    def embeddings_alone(self) -> bool:
        """Return whether the encoder has only embeddings, which need higher learning rates."""
        return False

    @abc.abstractmethod
    def prepare(self, inputs: list[Any], needs: Needs) -> Prepared:
        """Return the processor and the statistics learned from the first inputs."""

    @abc.abstractmethod
    def load_processor(self, folder: Path) -> Any:
        """Load the processor that was saved in a folder."""

    def load_prepared(self, folder: Path) -> Prepared:
        """Load what `Prepared.save` wrote."""
        return Prepared(self, self.load_processor(folder), load_file(folder / STATISTICS))

    @abc.abstractmethod
    def row_encoder(
        self, prepared: Prepared, needs: Needs, *, held_out: bool | None = None, strict: bool = False
    ) -> RowEncoder:
        """Return an encoder that turns rows into samples."""

    @abc.abstractmethod
    def as_samples(self, prepared: Prepared, inputs: Sequence[Any]) -> list[Sample]:
        """Return one sample for each input in memory, regardless of its size."""

    @abc.abstractmethod
    def collate(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """Return samples as one batch of tensors, whose first dimension need not be rows."""

    @abc.abstractmethod
    def two_views(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float
    ) -> dict[str, Tensor]:
        """Return the encoder input for two views: one view of each row of the batch, then another view of each.

        Args:
            batch: a batch from `collate`.
            keys: int64, shape (rows,): the only source of randomness.
            prepared: this modality, prepared.
            progress: completed share of the training.
        """

    @abc.abstractmethod
    def augmented(self, batch: dict[str, Tensor], keys: Tensor | None, prepared: Prepared) -> dict[str, Tensor]:
        """Return the encoder input, lightly augmented for training with labels; unchanged if there are no keys."""

    @abc.abstractmethod
    def encoder(self, prepared: Prepared, seed: int) -> Any:
        """Return an encoder without a head: with new weights that depend only on the seed, or with those of a checkpoint."""

    def hidden_width(self, encoder: Any) -> int:
        """Return the number of dimensions of an encoder's hidden states."""
        return int(encoder.config.hidden_size)

    @abc.abstractmethod
    def pool(self, output: Any, inputs: dict[str, Tensor]) -> Tensor:
        """Pool the output of an encoder into one vector per row, shape (rows, dimensions)."""

    @abc.abstractmethod
    def classifier(self, prepared: Prepared, names: list[str], seed: int, folder: Path | None, trained: bool) -> Any:
        """Return a classifier with named labels.

        Args:
            prepared: this modality, prepared.
            names: names of the labels.
            seed: seed of new weights.
            folder: folder of a saved model whose architecture is used; None uses that of the flags.
            trained: also use the weights of that model.

        Raises:
            UserError: if there is no classifier for that kind of model.
        """

    @abc.abstractmethod
    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[Any],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = no_progress,
    ) -> dict[str, np.ndarray]:
        """Return frozen features: name of the layer -> float32 of shape (inputs, dimensions), the last layer last."""

    @abc.abstractmethod
    def baselines(self, seed: int) -> list[Baseline]:
        """Return the baseline features that need no training of a network."""

    def write_beside(self, encoder: Any, folder: Path) -> None:
        """Write additional files that other libraries need with a saved encoder and its processor; by default none."""
        del encoder, folder

    @classmethod
    def adopt(cls, encoder: Any, folder: Path, name: str) -> tuple[dict[str, Any], Any] | None:
        """Return how to use a model that was not made by this package.

        Args:
            encoder: the model without its head.
            folder: folder of its files.
            name: name of the model for messages.

        Returns:
            Settings with the "task" that it is treated as, and its processor; None if it is not of this modality.

        Raises:
            UserError: if it has no suitable processor.
        """
        del encoder, folder, name
        return None
