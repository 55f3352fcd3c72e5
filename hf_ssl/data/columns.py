"""The columns of a data set, and inputs from its first rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block, Rows, readable, unshuffled_blocks
from hf_ssl.data.stream import Skipped, check_skipped, commonest

FIRST_ROWS = 32  # that tell the columns


class RowReader(Protocol):
    """Reads the inputs of a modality from a block of rows."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns that make up an input."""
        ...

    @property
    def held_out(self) -> bool | None:
        """Return which side of the split by hash is read; None reads both."""
        ...

    def read(self, block: Block) -> tuple[list[tuple[int, Any]], list[Skipped]]:
        """Return (position in the block, input) of the usable rows, and the unusable rows."""
        ...


def in_quotes(columns: Sequence[str]) -> str:
    """Format column names as part of a sentence."""
    return f"column{'s' if len(columns) > 1 else ''} " + ", ".join(f"'{column}'" for column in columns)


def first_table(rows: Rows, name: str) -> pa.Table:
    """Return the first rows, which show the available columns.

    Raises:
        UserError: if there are no rows.
    """
    first = next(unshuffled_blocks(rows, size=FIRST_ROWS), None)
    if first is None:
        raise UserError(f"the data set '{name}' has no rows")
    table = first.table
    for place, part in enumerate(table.schema):
        if not pa.types.is_nested(part.type) and not isinstance(part.type, pa.BaseExtensionType):
            table = table.set_column(place, part.name, readable(table.column(place)))
    return table


def check_column(table: pa.Table, flag: str, column: str | None, name: str) -> None:
    """Check that a named column exists.

    Raises:
        UserError: if it does not; the message lists the existing columns.
    """
    if column is not None and column not in table.column_names:
        raise UserError(
            f"'{name}' has no column '{column}' but {', '.join(table.column_names)}; name one with --{flag}"
        )


class Measure(Protocol):
    """Measures the size of inputs; implemented by modalities."""

    def size_of(self, value: Any) -> int:
        """Return the size of an input."""
        ...

    def cut(self, value: Any, most: int) -> Any:
        """Return an input, cut to a size if it can be cut."""
        ...


def first_inputs(rows: Rows, reader: RowReader, measure: Measure, most: int, most_skipped: float) -> list[Any]:
    """Read inputs from the start of evenly spaced shards, up to a total size.

    Raises:
        UserError: if no input is usable, or too many rows are unusable.
    """
    inputs: list[Any] = []
    left, read = most, 0
    skipped: list[list[str]] = []
    for block in unshuffled_blocks(rows):
        usable, unusable = reader.read(block)
        skipped += [[row.name or f"{rows.name(block.shard)}, row {row.row}", row.reason] for row in unusable]
        read += len(block.rows)
        for _, value in usable:
            inputs.append(measure.cut(value, left))
            left -= measure.size_of(value)
            if left <= 0:
                break
        if left <= 0:
            break
    if not inputs:
        raise UserError(
            f"nothing usable in {in_quotes(reader.columns)}: {_why_nothing(read, skipped, reader.held_out)}"
        )
    check_skipped(len(skipped), read, most_skipped, skipped, enough=1)
    return inputs


def _why_nothing(read: int, skipped: list[list[str]], held_out: bool | None) -> str:
    """Return what became of the rows, and what to do."""
    kept = read - len(skipped)
    if kept and held_out is False:
        rest = f", {commonest(skipped)}" if skipped else ""
        return (
            f"{kept} of {read} rows were held out for evaluation by their hash, and none is left to train on{rest}; add rows, "
            "or name a split to evaluate on with --eval_split"
        )
    return f"{read} rows were read, none of them usable: {commonest(skipped)}; fix the data or name another column"
