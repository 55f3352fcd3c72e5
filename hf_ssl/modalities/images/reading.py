"""Reading of image rows as squares of 8-bit colour pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.data.listing import open_binary
from hf_ssl.data.rows import Block, is_held_out
from hf_ssl.data.stream import Sample, Skipped
from hf_ssl.modalities.images.decoding import BadImageError, Range, convert_array, decode_image
from hf_ssl.modalities.images.image_column import folder_of_rows, path_in


@dataclass(frozen=True)
class ImageReader:
    """Reads the images of a block (a `RowReader`).

    Attributes:
        column: name of the image column.
        size: pixels per side.
        held_out: side of the hash-based split to use; None uses both.
        strict: stop at the first unusable row instead of counting it.
        scale: values of pixels of more than 8 bits that become black and white.
    """

    column: str
    size: int
    held_out: bool | None = None
    strict: bool = False
    scale: Range | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the image column."""
        return (self.column,)

    def contents(self, block: Block) -> tuple[list[tuple[int, Any]], list[Skipped]]:
        """Return (position in the block, content of a file or array) of both sides of the split, and rows without either."""
        found: list[tuple[int, Any]] = []
        skipped: list[Skipped] = []
        folder = folder_of_rows(block.table)
        for place, value in enumerate(block.table.column(self.column).to_pylist()):
            try:
                found.append((place, _content(value, folder)))
            except BadImageError as error:
                skipped.append(self._skip(block, place, str(error)))
        return found, skipped

    def read(self, block: Block) -> tuple[list[tuple[int, np.ndarray]], list[Skipped]]:
        """Return (position in the block, uint8 pixels of shape (size, size, 3)) of the usable rows, and the unusable rows.

        Rows of the other side of the split are decoded too, as unusable rows count on either side.
        """
        contents, skipped = self.contents(block)
        usable: list[tuple[int, np.ndarray]] = []
        for place, data in contents:
            try:
                is_file = isinstance(data, bytes)
                image = (decode_image if is_file else convert_array)(data, self.size, self.scale)
            except BadImageError as error:
                skipped.append(self._skip(block, place, str(error)))
                continue
            if self.held_out is None or self.held_out == is_held_out(data if is_file else image.tobytes()):
                usable.append((place, image))
        return usable, skipped

    def _skip(self, block: Block, place: int, reason: str) -> Skipped:
        value = block.table.column(self.column)[place].as_py()
        name = (value.get("path") or "") if isinstance(value, dict) else value if isinstance(value, str) else ""
        row = int(block.rows[place])
        if self.strict:
            where = f"row {row} of shard {block.shard}" + (f" ({name})" if name else "")
            raise UserError(
                f"{where} has no usable image in column '{self.column}' ({reason}); fix the data or pass --bad_rows skip"
            )
        return Skipped(row, reason, name)


def _content(value: Any, folder: str) -> Any:
    """Return the content of a file, from the row or from its path, or an array."""
    data = value.get("bytes") if isinstance(value, dict) else value
    path = value.get("path") if isinstance(value, dict) else None
    if isinstance(data, str):
        data, path = None, data
    if data is None and path:
        place = path_in(folder, path)
        if place is None:
            raise BadImageError("its path leads out of the data set")
        try:
            with open_binary(place) as file:
                data = file.read()
        except (OSError, KeyError) as error:  # a zip archive raises KeyError
            raise BadImageError("its file cannot be read") from error
    if isinstance(data, list | np.ndarray):
        return data
    if not data:
        raise BadImageError("empty")
    return bytes(data)


@dataclass(frozen=True)
class ImageEncoder:
    """Decodes the images of a block (a `RowEncoder`).

    Attributes:
        rows: which images are used.
    """

    rows: ImageReader

    @property
    def unit(self) -> str:
        """Return the unit in which speed and cost are counted."""
        return "images"

    @property
    def units_per_sample(self) -> int:
        """Return one: a sample is an image."""
        return 1

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return a sample per image ("image": uint8, shape (size, size, 3)), ``carry`` unchanged, and the skipped rows."""
        usable, skipped = self.rows.read(block)
        spans = [(block.shard, int(block.rows[place]), 0, 1) for place, _ in usable]
        samples = [
            Sample({"image": image}, np.array([span], np.int64)) for (_, image), span in zip(usable, spans, strict=True)
        ]
        return samples, carry, skipped

    def rest(self, carry: list[Any]) -> list[Sample]:
        """Return no samples: nothing is carried over."""
        del carry
        return []
