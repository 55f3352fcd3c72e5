"""The column of the labels: the named one, or one whose name and values look like labels."""

from __future__ import annotations

import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import check_column

KINDS = (
    pa.types.is_integer,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_boolean,
    pa.types.is_floating,  # integers with missing values
    pa.types.is_null,  # all values are missing
)
USUAL = ("label", "cls")  # on the Hub and in webdatasets
LIKELY = frozenset(
    {"labels", "class", "classes", "category", "categories", "target", "targets", "y", "topic", "genre", "sentiment"}
)
LONGEST = 60  # characters of a name of a class


def find_label_column(table: pa.Table, arguments: DataArguments) -> str | None:
    """Return the named label column, or the usual one, or the only likely one.

    Raises:
        UserError: if the named column does not exist or holds no labels.
    """
    named = arguments.label_column
    check_column(table, "label_column", named, arguments.dataset_name)
    if named is not None:
        if not _holds_labels(table, named):
            kind = table.schema.field(named).type
            raise UserError(f"column '{named}' holds {kind}: labels must be integers, strings or booleans")
        return named
    usual = next((column for column in USUAL if column in table.column_names), None)
    if usual is not None:
        return usual if _holds_labels(table, usual) else None
    likely = likely_columns(table)
    return likely[0] if len(likely) == 1 else None


def likely_columns(table: pa.Table) -> list[str]:
    """Return the columns whose names and values look like labels."""
    found = [name for name in table.column_names if _is_likely(name.lower()) and _holds_labels(table, name)]
    return [name for name in found if len(table.column_names) > 1 and _are_short(table.column(name))]


def sentence_about_labels(table: pa.Table, arguments: DataArguments) -> str | None:
    """Return which likely column was taken or which ones there are; None if a name or the usual name decided."""
    if arguments.label_column is not None or any(column in table.column_names for column in USUAL):
        return None
    likely = likely_columns(table)
    if len(likely) == 1:
        return f"labels are read from column '{likely[0]}' (--label_column chooses)"
    return f"no labels are used: name one of the columns {', '.join(likely)} with --label_column" if likely else None


def _is_likely(name: str) -> bool:
    words = name.replace("-", "_").split("_")
    return name in LIKELY or "label" in words or name in USUAL


def _are_short(column: pa.ChunkedArray) -> bool:
    """Return whether values are no texts."""
    return all(len(value) <= LONGEST for value in column.to_pylist() if isinstance(value, str))


def _holds_labels(table: pa.Table, name: str) -> bool:
    column = table.column(name)
    words = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return any(is_kind(words) for is_kind in KINDS) and not _holds_quantities(column)


def _holds_quantities(column: pa.ChunkedArray) -> bool:
    """Return whether a column holds numbers that are not integers; NaN marks a missing label."""
    values = column.to_pylist() if pa.types.is_floating(column.type) else []
    return any(value is not None and value == value and not value.is_integer() for value in values)
