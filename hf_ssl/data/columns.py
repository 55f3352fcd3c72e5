"""Which columns a data set has, and its first texts."""

from typing import TYPE_CHECKING

import pyarrow as pa

from hf_ssl.data.stream import unshuffled_blocks
from hf_ssl.errors import UserError

if TYPE_CHECKING:
    from hf_ssl.data.rows import Rows
    from hf_ssl.data.sources import DataArguments
    from hf_ssl.data.text import TextRows

SURVEYED = 8_000_000  # characters
LABEL_KINDS = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean)


def check_columns(rows: "Rows", column: str, arguments: "DataArguments") -> str | None:
    """Check that the named columns exist; return the label column, if there is one.

    Raises:
        UserError: if a column is missing (with the list of those there are), or the data set is empty.
    """
    first = next(unshuffled_blocks(rows, size=1), None)
    if first is None:
        raise UserError(f"the data set '{arguments.dataset_name}' has no rows")
    names = first.table.column_names
    for flag, name in (("text_column", column), ("label_column", arguments.label_column)):
        if name is not None and name not in names:
            raise UserError(
                f"'{arguments.dataset_name}' has no column '{name}' but {', '.join(names)}; name one with --{flag}"
            )
    label_column = arguments.label_column or ("label" if "label" in names else None)
    if label_column is None:
        return None
    kind = first.table.schema.field(label_column).type
    if any(is_kind(kind) for is_kind in LABEL_KINDS):
        return label_column
    if arguments.label_column is None:
        return None
    raise UserError(f"column '{label_column}' holds {kind}: labels must be whole numbers, words or truth values")


def first_texts(rows: "Rows", texts_of: "TextRows", characters: int = SURVEYED) -> list[str]:
    """Texts from the beginnings of evenly spaced shards, up to a number of characters.

    Raises:
        UserError: if there are none.
    """
    texts: list[str] = []
    left, skipped = characters, 0
    for block in unshuffled_blocks(rows):
        usable, unusable = texts_of.read(block)
        skipped += unusable
        for _, text in usable:
            texts.append(text[:left])
            left -= len(text)
            if left <= 0:
                return texts
    if not texts:
        raise UserError(f"no usable text in column '{texts_of.column}': {skipped} rows were read, none holds any")
    return texts
