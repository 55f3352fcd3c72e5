"""Files of rows: Parquet, Arrow, CSV and JSON lines.

The builders of `datasets` cast every column of every file to the types of the first file, infer types from the first rows,
and take words such as NA for missing. Here only the wanted columns are read, and words stay words.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet

from hf_ssl.common.errors import UserError
from hf_ssl.data.characters import CHUNK, open_utf8
from hf_ssl.data.formats import TEXT_COLUMN
from hf_ssl.data.listing import folder_of, open_binary

AT_ONCE = 1000  # rows of Parquet
HEAD = 64  # rows that tell the columns of JSON
FOLDER = b"hf_ssl.folder"  # metadata of a table: the folder of its file, for paths in its rows
PARQUET = pyarrow.dataset.ParquetFileFormat(
    default_fragment_scan_options=pyarrow.dataset.ParquetFragmentScanOptions(page_checksum_verification=True)
)


@dataclass(frozen=True)
class ParquetShard:
    """A Parquet file, or one row group of it.

    Attributes:
        name: path of the file.
        group: index of the row group; None reads all.
    """

    name: str
    group: int | None = None

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`."""
        with open_binary(self.name) as file:
            fragment = PARQUET.make_fragment(file, row_groups=None if self.group is None else [self.group])
            held = fragment.physical_schema.names
            columns = held if wanted is None else [name for name in wanted.names if name in held]
            batches = fragment.to_batches(
                columns=columns, batch_size=AT_ONCE, batch_readahead=0, fragment_readahead=0, use_threads=True
            )
            for batch in batches:
                rows = (
                    pa.Table.from_batches([batch]) if columns else pa.table({"": pa.nulls(len(batch))})
                )  # their number
                yield placed(rows, self.name)


def parquet_shards(path: str, by_group: bool) -> list[ParquetShard]:
    """Return a Parquet file as one shard, or each of its row groups; groups without rows are left out."""
    if not by_group:
        return [ParquetShard(path)]
    with open_binary(path) as file:
        held = pyarrow.parquet.read_metadata(file)
    return [ParquetShard(path, group) for group in range(held.num_row_groups) if held.row_group(group).num_rows]


@dataclass(frozen=True)
class ArrowShard:
    """A file of Arrow's IPC format, of either kind.

    Attributes:
        name: path of the file.
    """

    name: str

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`."""
        del wanted
        with open_binary(self.name) as file:
            try:
                batches: Iterable[pa.RecordBatch] = pyarrow.ipc.open_stream(file)
            except pa.ArrowInvalid:
                opened = pyarrow.ipc.open_file(file)
                batches = (opened.get_batch(number) for number in range(opened.num_record_batches))
            for batch in batches:
                batch.validate(full=True)
                yield placed(pa.Table.from_batches([batch]), self.name)


@dataclass(frozen=True)
class JsonShard:
    """A file with a JSON object a line, or one list of objects or of texts.

    Attributes:
        name: path of the file.
        encoding: of its characters; None finds it.
    """

    name: str
    encoding: str | None = None

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`."""
        with open_utf8(self.name, self.encoding) as file:
            number = 1
            while chunk := file.read(CHUNK):
                chunk += file.readline()
                if number == 1 and _is_whole(chunk):
                    rows = self._listed(json.loads((chunk + file.read()).decode("utf-8", "replace")))
                    yield placed(_table_of([_row(row) for row in rows], wanted), self.name)
                    return
                if wanted is None:
                    wanted = _table_of(list(itertools.islice(self._rows(chunk, number), HEAD)), None).schema
                yield placed(self._table(chunk, wanted, number), self.name)
                number += chunk.count(b"\n")

    def _listed(self, value: Any) -> list[Any]:
        """Return a list, or the only list of objects in an object."""
        if isinstance(value, list):
            return value
        lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
        if len(lists) != 1:
            raise UserError(
                f"cannot read {self.name}: it holds one object, in which {len(lists)} lists of rows lie; write a list of "
                "objects, or one object a line"
            )
        return lists[0]

    def _table(self, chunk: bytes, wanted: pa.Schema, first: int) -> pa.Table:
        """Parse lines by Arrow, or where types differ from row to row, by Python."""
        known = pa.schema([part for part in wanted if not pa.types.is_null(part.type)])
        if not known.names:  # Arrow would forget the number of rows
            return _table_of(list(self._rows(chunk, first)), wanted)
        options = pyarrow.json.ParseOptions(explicit_schema=known, unexpected_field_behavior="ignore")
        try:
            whole = pyarrow.json.ReadOptions(block_size=max(len(chunk), 1))
            table = pyarrow.json.read_json(io.BytesIO(chunk), whole, options)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return _table_of(list(self._rows(chunk, first)), wanted)
        for name in [part.name for part in wanted if pa.types.is_null(part.type)]:
            table = table.append_column(name, pa.nulls(table.num_rows))
        return table

    def _rows(self, chunk: bytes, first: int) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(chunk.split(b"\n"), start=first):
            if not line.strip():
                continue
            try:
                yield _row(json.loads(line.decode("utf-8", "replace")))
            except ValueError as error:
                raise UserError(
                    f"cannot read {self.name}: line {number} is not JSON ({error}); each line must hold one object"
                ) from error


def _is_whole(start: bytes) -> bool:
    """Return whether a file is one JSON value: a list, or an object over several lines."""
    start = start.lstrip()
    first = start.split(b"\n", 1)[0].strip()
    if start[:1] == b"{":
        try:
            json.loads(first.decode("utf-8", "replace"))
        except ValueError:
            return not any(line.startswith(b"{") for line in start.split(b"\n", 3)[1:])
    return start[:1] == b"["


def _row(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {TEXT_COLUMN: value}


def _table_of(rows: list[dict[str, Any]], wanted: pa.Schema | None) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row)) if wanted is None else wanted.names
    kinds = [None if wanted is None else wanted.field(name).type for name in names]
    return pa.table(
        [_array([row.get(name) for row in rows], kind) for name, kind in zip(names, kinds, strict=True)], names=names
    )


def _array(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    """Return values as an array; where they are of several types, as text."""
    if kind is not None and (pa.types.is_string(kind) or pa.types.is_null(kind)):
        return pa.array([_text(value) for value in values], pa.string())
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if kind is not None:
            raise
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else value.encode("utf-8", "replace").decode()
    return json.dumps(value, ensure_ascii=False)


def placed(table: pa.Table, path: str) -> pa.Table:
    """Return a table that says in which folder its file lies."""
    return table.replace_schema_metadata((table.schema.metadata or {}) | {FOLDER: folder_of(path).encode()})
