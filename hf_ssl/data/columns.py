"""Which columns a data set has, and what is in its first rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from hf_ssl.data.stream import Block, Skipped, check_skipped, unshuffled_blocks
from hf_ssl.errors import UserError

if TYPE_CHECKING:
    from hf_ssl.data.rows import Rows
    from hf_ssl.data.sources import DataArguments

LABEL_KINDS = (
    pa.types.is_integer,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_boolean,
    pa.types.is_floating,  # whole numbers, where some are missing
    pa.types.is_null,  # none is there
)
LABEL_COLUMNS = ("label", "cls")  # of most data sets of the Hub, of webdataset


class RowReader(Protocol):
    """Takes what a task learns from out of a block: a text, or the content of an image file."""

    @property
    def column(self) -> str:
        """Where it lies."""
        ...

    @property
    def held_out(self) -> bool | None:
        """Which side of the split by hash is taken; None takes both."""
        ...

    def read(self, block: Block) -> tuple[list[tuple[int, Any]], list[Skipped]]:
        """Return (place in the block, input) of the usable rows, and the others."""
        ...


def first_table(rows: "Rows", name: str) -> pa.Table:
    """The first row, to see what columns there are.

    Raises:
        UserError: if there is none.
    """
    first = next(unshuffled_blocks(rows, size=1), None)
    if first is None:
        raise UserError(f"the data set '{name}' has no rows")
    return first.table


def check_column(table: pa.Table, flag: str, column: str | None, name: str) -> None:
    """Check that a named column exists.

    Raises:
        UserError: with the list of those there are.
    """
    if column is not None and column not in table.column_names:
        raise UserError(
            f"'{name}' has no column '{column}' but {', '.join(table.column_names)}; name one with --{flag}"
        )


def find_label_column(table: pa.Table, arguments: "DataArguments") -> str | None:
    """The label column that was named, or one of the usual name and kind.

    Raises:
        UserError: if the named one does not exist or holds no labels.
    """
    check_column(table, "label_column", arguments.label_column, arguments.dataset_name)
    usual = next((column for column in LABEL_COLUMNS if column in table.column_names), None)
    label_column = arguments.label_column or usual
    if label_column is None:
        return None
    kind = table.schema.field(label_column).type
    words = kind.value_type if pa.types.is_dictionary(kind) else kind
    if any(is_kind(words) for is_kind in LABEL_KINDS) and not _holds_quantities(table.column(label_column)):
        return label_column
    if arguments.label_column is None:
        return None
    raise UserError(f"column '{label_column}' holds {kind}: labels must be whole numbers, words or truth values")


def _holds_quantities(column: pa.ChunkedArray) -> bool:
    """Whether there are numbers that are not whole."""
    return pa.types.is_floating(column.type) and any(value and not value.is_integer() for value in column.to_pylist())


def first_inputs(
    rows: "Rows", reader: RowReader, size_of: Callable[[Any], int], most: int, most_skipped: float
) -> list[Any]:
    """Inputs from the beginnings of evenly spaced shards, up to a total size.

    Raises:
        UserError: if there are none, or too many rows are unusable.
    """
    inputs: list[Any] = []
    left, read = most, 0
    skipped: list[Skipped] = []
    for block in unshuffled_blocks(rows):
        usable, unusable = reader.read(block)
        skipped += unusable
        read += len(block.rows)
        for _, value in usable:
            inputs.append(value[:left] if isinstance(value, str) else value)
            left -= size_of(value)
            if left <= 0:
                break
        if left <= 0:
            break
    reasons = [[row.name or f"row {row.row}", row.reason] for row in skipped]
    if not inputs:
        raise UserError(f"nothing usable in column '{reader.column}': {read} rows were read, none holds any")
    check_skipped(len(skipped), read, most_skipped, reasons, enough=1)
    return inputs
