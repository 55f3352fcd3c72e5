"""The rows that a panel shows, and those that its features are learned from."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.errors import UserError
from hf_ssl.evaluation.labelled import Labelled
from hf_ssl.evaluation.rows import compared_rows

MOST_BANK = 1000
MOST_SHOWN = {"text": 1000, "images": 600}


@dataclass(frozen=True)
class ShownRows:
    """Rows on a map.

    Attributes:
        kind: "text" or "images".
        dataset: its name, without the folders it lies in.
        inputs: texts, or uint8 images of shape (size, size, 3).
        labels: int64, shape (rows,); -1 is none.
        names: of the labels; empty where there are none.
        bank: other rows, that features are learned from; empty where all was learned before.
    """

    kind: Literal["text", "images"]
    dataset: str
    inputs: list[Any]
    labels: np.ndarray
    names: list[str]
    bank: Labelled

    def save(self, path: Path) -> None:
        """Write the rows as Parquet: "text" or "image" (PNG), and "label"."""
        column = "text" if self.kind == "text" else "image"
        values = self.inputs if self.kind == "text" else [png(image) for image in self.inputs]
        pq.write_table(pa.table({column: values, "label": self.labels}), path)


def read_rows(path: Path, kind: Literal["text", "images"], dataset: str, names: list[str]) -> ShownRows:
    """Read what `ShownRows.save` wrote."""
    table = pq.read_table(path)
    labels = table.column("label").to_numpy().astype(np.int64)
    if kind == "text":
        inputs = table.column("text").to_pylist()
    else:
        files = table.column("image").to_pylist()
        inputs = [np.asarray(Image.open(io.BytesIO(file), formats=("PNG",)).convert("RGB")) for file in files]
    return ShownRows(kind, dataset, inputs, labels, names, Labelled([], np.zeros(0, np.int64)))


def choose_shown(data: DataArguments, columns: dict[str, str | None], image_size: int) -> ShownRows:
    """At most 1,000 texts or 600 images of a data set, and a bank of 1,000 others that features are learned from.

    Of a small data set all rows are shown, those of the bank too.

    Args:
        data: which data set.
        columns: "text" and "images" -> the column, or None where it is to be found.
        image_size: pixels a side.

    Raises:
        UserError: if it cannot be read or has fewer than two usable rows.
    """
    source = open_source(data, identify=False)
    found = compared_rows(source, data, columns, image_size, (MOST_BANK, max(MOST_SHOWN.values())))
    shown = found.test
    if found.all_clustered:  # there are few: the map shows what it was learned from too
        labels = np.concatenate([shown.labels, found.bank.labels])
        shown = Labelled(found.test.inputs + found.bank.inputs, labels)
    most = MOST_SHOWN[found.kind]
    if len(shown.inputs) < 2:
        raise UserError(f"'{source.name}' has fewer than two usable rows; name another --dataset")
    name = Path(source.name).name if Path(source.name).exists() else source.name
    bank = found.bank if found.bank.inputs else shown
    return ShownRows(found.kind, name, shown.inputs[:most], shown.labels[:most], found.names, bank)


def png(image: np.ndarray) -> bytes:
    """A picture file of uint8 pixels, shape (height, width, 3)."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()
