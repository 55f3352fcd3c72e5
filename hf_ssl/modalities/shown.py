"""How the inputs of a modality are displayed, and what the demo can do with them."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from torch import Tensor

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.prepared import Prepared


class Shown(abc.ABC):
    """The display interface of a modality, for reports and the demo.

    Attributes:
        rows_name: plural noun for rows.
    """

    rows_name: ClassVar[str]

    def shown(self, value: Any) -> dict[str, Any]:
        """Return an input as JSON for display: "text", "image" (a data URL) or whatever the page of the demo draws."""
        return {"text": str(value)}

    def excerpt(self, value: Any) -> dict[str, str]:
        """Return the beginning of an input as one line of "text"; empty if that is not meaningful."""
        return {"text": " ".join(str(value).split())[:120]}

    def asked(self, value: Any) -> Any:
        """Parse an input from untrusted JSON.

        Raises:
            UserError: if it is invalid.
        """
        return value

    def uploaded(self, data: bytes) -> Any:
        """Parse an input from an uploaded file.

        Raises:
            UserError: if it is invalid.
        """
        del data
        raise UserError(f"{self.rows_name} cannot be uploaded as files")

    @abc.abstractmethod
    def to_column(self, inputs: Sequence[Any]) -> pa.Array:
        """Return inputs as a column of a Parquet file."""

    @abc.abstractmethod
    def from_column(self, column: pa.ChunkedArray) -> list[Any]:
        """Return the inputs from a column made by `to_column`."""

    def terms_of(self, inputs: Sequence[Any], labels: np.ndarray, count: int) -> dict[int, list[str]]:
        """Return cluster -> its characteristic terms; empty if inputs have no words."""
        del inputs, labels, count
        return {}

    def pictures_of(self, inputs: dict[str, Tensor], prepared: Prepared) -> Tensor | None:
        """Return a batch or encoder input as pictures in [0, 1], (rows, 3, height, width); None if it has none."""
        del inputs, prepared
        return None

    def fillers(self, runs: Sequence[Any]) -> dict[str, Any]:
        """Return run -> a model that fills in hidden parts of an input, for the demo; empty if no model does.

        Args:
            runs: `hf_ssl.runs.pretrained.Pretrained`.
        """
        del runs
        return {}

    def page(self, inputs: Sequence[Any], fillers: dict[str, Any]) -> dict[str, Any]:
        """Return the data that the page of the demo needs in addition to rows, labels and features."""
        del inputs, fillers
        return {}

    def worked_examples(self, runs: dict[str, Any]) -> dict[str, Any]:
        """Return small examples with known answers, as JSON; empty if there are none.

        Args:
            runs: title -> `hf_ssl.runs.pretrained.Pretrained`.
        """
        del runs
        return {}
