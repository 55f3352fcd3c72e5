"""Which column holds the images: by its values, its type and its name."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.data.image_endings import image_endings
from hf_ssl.data.tables import FOLDER
from hf_ssl.modalities.images.recognising import looks_like_image

PREFERRED = ("image", "img", "picture", "photo", "pixels", "jpg", "jpeg", "png", "webp", "tif", "tiff")
AVOIDED = ("mask", "thumb", "preview", "depth", "seg", "label", "annotation", "icon", "hash", "md5")
SOME = 8  # values that are looked at
BASE64 = (
    "images as base64 text; convert it: dataset.map(lambda row: {'image': {'bytes': base64.b64decode(row['COLUMN'])}})"
)
FLAT = "flat lists of numbers; make rows of each: numpy.reshape(pixels, (height, width)).tolist()"
LISTS = (
    "lists of images; make a row of each: dataset.map(lambda rows: {'image': [each for several in rows['COLUMN'] for each in "
    "several]}, batched=True, remove_columns=dataset.column_names)"
)


def image_column(table: pa.Table, named: str | None, dataset: str) -> tuple[str, list[str]]:
    """Return the column that holds the images, and the others that hold images too.

    Args:
        table: some rows.
        named: the column that the user named, if any.
        dataset: name of the data set, for messages.

    Raises:
        UserError: if there is none, or the named one holds none.
    """
    found = columns_of_images(table)
    if named is not None and named not in found:
        what = _refused(table.column(named)) or f"{table.schema.field(named).type}, not images"
        raise UserError(
            f"column '{named}' of '{dataset}' holds {what.replace('COLUMN', named)}; name an image column with --image_column"
        )
    if not found:
        refused = {name: why for name in table.column_names if (why := _refused(table.column(name)))}
        usual = [name for name in table.column_names if name.lower() in PREFERRED]
        refused |= {name: FLAT for name in usual if _depth(table.schema.field(name).type) == 1}
        columns = ", ".join(f"{part.name} ({part.type})" for part in table.schema)
        because = "".join(f"; column '{name}' holds {why.replace('COLUMN', name)}" for name, why in refused.items())
        raise UserError(
            f"'{dataset}' has no column of images but {columns}{because}; name another data set or another --task"
        )
    taken = found[0] if named is None else named
    return taken, [name for name in found if name != taken]


def columns_of_images(table: pa.Table) -> list[str]:
    """Return the columns that hold images, the likeliest first."""
    found = [name for name in table.column_names if _holds_images(table, name)]

    def rank(name: str) -> int:
        lower = name.lower()
        avoided = any(part in lower for part in AVOIDED)
        preferred = PREFERRED.index(lower) if lower in PREFERRED else len(PREFERRED)
        return preferred + 100 * avoided

    return sorted(found, key=rank)


def is_image_struct(kind: pa.DataType) -> bool:
    """Return whether a type is the Hub's structure of an image: bytes, a path, or both."""
    return pa.types.is_struct(kind) and bool({"bytes", "path"} & {part.name for part in kind})


def _holds_images(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    if is_image_struct(storage):
        return True
    if pa.types.is_binary(storage) or pa.types.is_large_binary(storage):
        values = _some(table.column(name))
        return any(map(looks_like_image, values)) or (name.lower() in PREFERRED and not values)
    if pa.types.is_string(storage) or pa.types.is_large_string(storage):
        return _are_paths(_some(table.column(name)), folder_of_rows(table))
    return _depth(storage) in (2, 3)


def _some(column: pa.ChunkedArray) -> list[Any]:
    return column.drop_null().slice(0, SOME).to_pylist()


def _depth(kind: pa.DataType) -> int:
    """Return the number of dimensions of an array of numbers; 0 for other types."""
    depth = 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    return depth if pa.types.is_integer(kind) or pa.types.is_floating(kind) else 0


def folder_of_rows(table: pa.Table) -> str:
    """Return the folder of the file that rows come from; empty if unknown."""
    return (table.schema.metadata or {}).get(FOLDER, b"").decode()


def path_in(folder: str, path: str) -> str | None:
    """Return where a path in a row leads; None if a row of a remote data set would lead out of its folder."""
    if folder.startswith("hf://"):
        outside = path.startswith("/") or "://" in path or ".." in PurePosixPath(path).parts
        return None if outside else f"{folder}/{path}"
    return path if "://" in path or not folder else os.path.join(folder, path)


def _are_paths(values: Sequence[str], folder: str) -> bool:
    """Return whether all texts are paths of images, the first of which is there."""
    if not values or not all(PurePosixPath(value).suffix.lower() in image_endings() for value in values):
        return False
    place = path_in(folder, values[0])
    return place is not None and (place.startswith("hf://") or os.path.exists(place))


def _refused(column: pa.ChunkedArray) -> str | None:
    """Return what a column of images holds that is not read; None for other columns."""
    kind, values = column.type, _some(column)
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and is_image_struct(kind.value_type):
        return LISTS
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) or not values:
        return None
    start = str(values[0]).split("base64,")[-1][:64]
    try:
        return BASE64 if looks_like_image(base64.b64decode(start[: len(start) // 4 * 4], validate=True)) else None
    except (binascii.Error, ValueError):
        return None
