"""Rows of images -> squares of 8-bit colour pixels."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hf_ssl.data.decoding import BadImageError, decode_image
from hf_ssl.data.stream import Block, Sample, Skipped
from hf_ssl.data.text import HELD_OUT_SHARE
from hf_ssl.errors import UserError


def is_held_out(data: bytes) -> bool:
    """Whether a row belongs to the held-out twentieth: by a hash of its file, so that duplicates stay together."""
    digest = hashlib.blake2b(data, digest_size=8, person=b"held-out").digest()
    return int.from_bytes(digest, "little") < HELD_OUT_SHARE * 2**64


def is_image_column(kind: pa.DataType) -> bool:
    """Whether a column holds image files: bytes, or the Hub's structure of bytes and path."""
    if pa.types.is_struct(kind):
        return {"bytes", "path"} <= {field.name for field in kind}
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


@dataclass(frozen=True)
class ImageRows:
    """Which images of a block are used.

    Attributes:
        column: name of the image column.
        size: pixels a side.
        held_out: which side of the split by hash is used; None takes both.
        strict: stop at the first unusable row instead of counting it.
    """

    column: str
    size: int
    held_out: bool | None = None
    strict: bool = False

    def files(self, block: Block) -> tuple[list[tuple[int, bytes]], list[Skipped]]:
        """Return (place in the block, content of the file) of either side, not decoded, and the rows that have none."""
        found: list[tuple[int, bytes]] = []
        skipped: list[Skipped] = []
        for place, value in enumerate(block.table.column(self.column).to_pylist()):
            try:
                found.append((place, _content(value)))
            except BadImageError as error:
                skipped.append(self._skip(block, place, str(error)))
        return found, skipped

    def read(self, block: Block) -> tuple[list[tuple[int, np.ndarray]], list[Skipped]]:
        """Return (place in the block, uint8 pixels of shape (size, size, 3)) of the usable rows, and the others.

        Rows of the other side of the split are decoded too: an unusable row counts, whatever its side.
        """
        files, skipped = self.files(block)
        usable: list[tuple[int, np.ndarray]] = []
        for place, data in files:
            try:
                image = decode_image(data, self.size)
            except BadImageError as error:
                skipped.append(self._skip(block, place, str(error)))
                continue
            if self.held_out is None or self.held_out == is_held_out(data):
                usable.append((place, image))
        return usable, skipped

    def _skip(self, block: Block, place: int, reason: str) -> Skipped:
        value = block.table.column(self.column)[place].as_py()
        name = (value.get("path") or "") if isinstance(value, dict) else ""
        row = int(block.rows[place])
        if self.strict:
            where = f"row {row} of shard {block.shard}" + (f" ({name})" if name else "")
            raise UserError(
                f"{where} has no usable image in column '{self.column}' ({reason}); mend the data or give --bad_rows skip"
            )
        return Skipped(row, reason, name)


def _content(value: dict[str, Any] | bytes | None) -> bytes:
    """The file: in the row, or where its path points to."""
    data = value.get("bytes") if isinstance(value, dict) else value
    path = value.get("path") if isinstance(value, dict) else None
    if data is None and path:
        from datasets.utils.file_utils import xopen

        try:
            with xopen(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise BadImageError("its file cannot be read") from error
    if not data:
        raise BadImageError("empty")
    return bytes(data)


@dataclass(frozen=True)
class ImageEncoder:
    """Decodes the images of a block (a `RowEncoder`).

    Attributes:
        rows: which images are used.
    """

    rows: ImageRows

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return a sample an image ("image": uint8, shape (size, size, 3)), ``carry`` as it came, and the rows skipped."""
        usable, skipped = self.rows.read(block)
        spans = [(block.shard, int(block.rows[place]), 0, 1) for place, _ in usable]
        samples = [
            Sample({"image": image}, np.array([span], np.int64)) for (_, image), span in zip(usable, spans, strict=True)
        ]
        return samples, carry, skipped
