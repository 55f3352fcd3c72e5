"""Streamed rows, shard by shard, and the hash-based held-out split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from hf_ssl.common.errors import UserError, in_one_line

SHARE = 0.05  # share of held-out rows


class Shard(Protocol):
    """A part of a data set that can be read independently."""

    @property
    def name(self) -> str:
        """Return the file that it belongs to."""
        ...

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows in order, with at least the wanted columns that it has; None asks for all columns."""
        ...


@dataclass(frozen=True)
class Rows:
    """One split of a streamed data set.

    Attributes:
        parts: its shards.
        label_names: column -> names of its labels, if the data set states them.
        wanted: columns to read, with their types; None reads all columns.
    """

    parts: tuple[Shard, ...]
    label_names: dict[str, list[str]] = field(default_factory=dict)
    wanted: pa.Schema | None = None

    @property
    def shards(self) -> int:
        """Return the number of parts that can be read independently."""
        return len(self.parts)

    def of_columns(self, table: pa.Table, columns: Sequence[str], label_column: str | None = None) -> Rows:
        """Return these rows with some columns of one type in all files; where a file has no labels, they are missing.

        Args:
            table: the first rows.
            columns: that every file must have.
            label_column: of the labels, if any.
        """
        names = dict.fromkeys([*columns, *([label_column] if label_column else [])])
        kinds = {name: plain_type(table.schema.field(name).type) for name in names}
        fields = [pa.field(name, kind, nullable=name not in columns) for name, kind in kinds.items()]
        return replace(self, wanted=pa.schema(fields))

    def tables(self, shard: int, size: int, first: int = 0) -> Iterator[pa.Table]:
        """Yield the rows of a shard, starting at row ``first``, as tables of ``size`` rows.

        Raises:
            UserError: naming the file, if it cannot be read.
        """
        part = self.parts[shard]
        tables = part.tables(self.wanted)
        try:
            yield from _in_sizes((_conform(table, self.wanted) for table in tables), size, first)
        except UserError:
            raise
        except Exception as error:  # errors of the format readers share no base class
            raise UserError(f"cannot read {part.name}: {in_one_line(error)}; fix or remove it") from error

    def name(self, shard: int) -> str:
        """Return the name of a shard for messages."""
        return self.parts[shard].name


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return a type that all of Arrow's functions work on."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind


def readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a few values of a plain type, with U+FFFD for what is no UTF-8."""
    kind = plain_type(column.type)
    column = column.cast(kind)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column
    values = column.cast(pa.large_binary()).to_pylist()
    return pa.chunked_array([[None if value is None else value.decode("utf-8", "replace") for value in values]], kind)


def _conform(table: pa.Table, wanted: pa.Schema | None) -> pa.Table:
    """Return the wanted columns, of the wanted types; a column that a file lacks is empty."""
    if wanted is None:
        return table
    columns = []
    for part in wanted:
        place = table.schema.get_field_index(part.name)
        if place < 0 and not part.nullable:
            raise ValueError(f"it has no column '{part.name}'")
        missing = place < 0 or pa.types.is_null(table.schema.field(place).type)
        column = pa.nulls(table.num_rows, part.type) if missing else table.column(place)
        flat = not pa.types.is_nested(part.type) and not pa.types.is_nested(column.type)
        if flat and column.type != part.type and not pa.types.is_null(part.type):
            column = _cast(column, part)
        columns.append(column)
    made = pa.table(columns, names=wanted.names)
    return made.replace_schema_metadata(table.schema.metadata)


def _cast(column: pa.ChunkedArray, part: pa.Field) -> pa.ChunkedArray:
    try:
        return column.cast(part.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"column '{part.name}' holds {column.type}, but {part.type} in the first rows: {in_one_line(error)}"
        ) from error


def _in_sizes(tables: Iterator[pa.Table], size: int, first: int) -> Iterator[pa.Table]:
    """Cut a stream of tables into tables of ``size`` rows, after leaving out the ``first`` rows."""
    held: list[pa.Table] = []
    rows = 0
    for table in tables:
        dropped = min(first, table.num_rows)
        first -= dropped
        table = table.slice(dropped)
        while rows + table.num_rows >= size:
            missing = size - rows
            yield pa.concat_tables([*held, table.slice(0, missing)], promote_options="default")
            held, rows, table = [], 0, table.slice(missing)
        if table.num_rows:
            held.append(table)
            rows += table.num_rows
    if held:
        yield pa.concat_tables(held, promote_options="default")


def is_held_out(content: bytes) -> bool:
    """Return whether a row with this content is held out: decided by a hash, so that duplicates stay on one side."""
    digest = hashlib.blake2b(content, digest_size=8, person=b"held-out").digest()
    return int.from_bytes(digest, "little") < SHARE * 2**64


@dataclass(frozen=True)
class Block:
    """Some rows of one shard, already in training order.

    Attributes:
        shard: index of the shard.
        rows: int64, index of each row in its shard.
        table: the rows.
    """

    shard: int
    rows: np.ndarray
    table: pa.Table


def unshuffled_blocks(rows: Rows, size: int = 256, most_shards: int = 16) -> Iterator[Block]:
    """Yield blocks of all shards, from ``most_shards`` evenly spaced ones in turn: for inspecting data, not for training.

    This mixes data that are sorted by label, and samples a large data set beyond its start. Where a shard ends, another
    one takes its place, so that many small files are no less than one large file.
    """
    chosen = np.unique(np.linspace(0, rows.shards - 1, min(rows.shards, most_shards)).astype(int)).tolist()
    waiting = [shard for shard in range(rows.shards) if shard not in set(chosen)]
    readers = {shard: rows.tables(shard, size) for shard in chosen}
    numbers = dict.fromkeys(chosen, 0)
    while readers:
        for shard in list(readers):
            table = next(readers[shard], None)
            if table is None:
                del readers[shard]
                if waiting:
                    another = waiting.pop(len(waiting) // 2)
                    readers[another], numbers[another] = rows.tables(another, size), 0
                continue
            first = numbers[shard] * size
            numbers[shard] += 1
            yield Block(shard, np.arange(first, first + table.num_rows), table)
