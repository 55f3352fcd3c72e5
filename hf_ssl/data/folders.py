"""Folders in which each file is a row: images with their class folders, metadata and captions, or documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.data.characters import open_text
from hf_ssl.data.formats import TEXT_COLUMN
from hf_ssl.data.listing import DataFile
from hf_ssl.data.separated import CsvShard
from hf_ssl.data.tables import JsonShard, ParquetShard

FILES_A_SHARD = 32
MOST_SHARDS = 64
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
CAPTIONS = (".txt", ".caption")
METADATA = {"metadata.csv": CsvShard, "metadata.jsonl": JsonShard, "metadata.parquet": ParquetShard}
FILE_NAME = "file_name"  # column of metadata


@dataclass(frozen=True)
class FolderShard:
    """Some files of a folder, in a fixed random order.

    Folders come sorted by label: in their own order a block would contain few labels.

    Attributes:
        name: the folder.
        table: a row for each file.
        opened: columns with paths of text files, whose content is read.
        encoding: of their characters; None finds it.
    """

    name: str
    table: pa.Table
    opened: tuple[str, ...] = ()
    encoding: str | None = None

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`."""
        table = (
            self.table
            if wanted is None
            else self.table.select([n for n in wanted.names if n in self.table.schema.names])
        )
        for column in set(self.opened) & set(table.column_names):
            texts = [None if path is None else self._content(path) for path in table.column(column).to_pylist()]
            table = table.set_column(table.schema.get_field_index(column), column, pa.array(texts, pa.string()))
        yield table

    def _content(self, path: str) -> str:
        with open_text(path, self.encoding) as file:
            return file.read()


def folder_shards(
    name: str, table: pa.Table, opened: tuple[str, ...] = (), encoding: str | None = None
) -> list[FolderShard]:
    """Return a table of files as shards, mixed."""
    mixed = table.take(np.random.default_rng(0).permutation(table.num_rows))
    parts = np.array_split(np.arange(table.num_rows), min(MOST_SHARDS, max(1, table.num_rows // FILES_A_SHARD)))
    return [FolderShard(name, mixed.slice(part[0], len(part)), opened, encoding) for part in parts if len(part)]


def documents(files: Sequence[DataFile], labels: dict[str, str]) -> pa.Table:
    """Return a row for each text file: "text", a path to be opened, and "label" if there are class folders."""
    columns = {TEXT_COLUMN: [file.path for file in files]}
    return pa.table(columns | ({"label": [labels[file.name] for file in files]} if labels else {}))


def images(files: Sequence[DataFile], beside: Sequence[DataFile], names: list[str], labels: dict[str, str]) -> pa.Table:
    """Return a row for each image file.

    Args:
        files: the images.
        beside: files that may be metadata or captions.
        names: names of the class folders; empty if there are none.
        labels: name of a file -> its class folder.

    Returns:
        "image" (bytes, which are empty, and path), "label" (index of the class folder) unless metadata have it, the columns
        of metadata, and "text" (path of a caption, to be opened) if there are captions.
    """
    columns: dict[str, pa.Array] = {"image": pa.array([{"bytes": None, "path": file.path} for file in files], IMAGE)}
    if names:
        columns["label"] = pa.array([names.index(labels[file.name]) for file in files])
    columns |= _metadata_columns(files, [file for file in beside if is_metadata(file.name)])
    captions = {_stem(file.name): file.path for file in beside if is_caption(file.name)}
    paths = [captions.get(_stem(file.name)) for file in files]
    return pa.table(columns | ({TEXT_COLUMN: pa.array(paths, pa.string())} if any(paths) else {}))


def is_metadata(name: str) -> bool:
    """Return whether a file describes the images of its folder, a row each."""
    return PurePosixPath(name).name in METADATA


def is_caption(name: str) -> bool:
    """Return whether a file may be the caption of an image of the same name."""
    return PurePosixPath(name).suffix.lower() in CAPTIONS


def unknown_files(files: Sequence[DataFile], metadata: Sequence[DataFile]) -> list[str]:
    """Return the images that metadata describe but that do not exist."""
    there = {file.name for file in files}
    return [name for file in metadata for name in _metadata_rows(file) if name not in there]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _metadata_rows(file: DataFile) -> dict[str, dict[str, Any]]:
    """Return name of an image -> its row."""
    folder = PurePosixPath(file.name).parent
    rows: dict[str, dict[str, Any]] = {}
    for table in METADATA[PurePosixPath(file.name).name](file.path).tables(None):
        if FILE_NAME not in table.column_names:
            raise UserError(
                f"{file.path} has no column '{FILE_NAME}', which names the image of each row, but "
                f"{', '.join(table.column_names)}"
            )
        rows |= {str(folder / str(row[FILE_NAME])): row for row in table.to_pylist()}
    return rows


def _metadata_columns(files: Sequence[DataFile], metadata: Sequence[DataFile]) -> dict[str, pa.Array]:
    rows: dict[str, dict[str, Any]] = {}
    for file in metadata:
        rows |= _metadata_rows(file)
    names = list(dict.fromkeys(name for row in rows.values() for name in row if name != FILE_NAME))
    return {name: pa.array([rows.get(file.name, {}).get(name) for file in files]) for name in names}
