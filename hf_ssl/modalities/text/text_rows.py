"""Rows of text: which column, and doubts about its characters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import print_once
from hf_ssl.data.columns import check_column
from hf_ssl.data.formats import TEXT_NAMES
from hf_ssl.modalities.text.flags import TextFlags
from hf_ssl.modalities.text.reading import TextReader, is_bytes, is_text_column

REPLACED = "\ufffd"  # what decoders put in the place of bytes that are no character
LOOKED_AT = 1_000_000  # characters
WORTHLESS = 0.2  # share of characters that cannot be read
MANY = 0.5  # share of texts that is worth a warning


@dataclass(frozen=True)
class TextRows(TextFlags):
    """The part of the text modality that knows rows."""

    @classmethod
    def recognises(cls, table: pa.Table) -> bool:
        """Return whether there is a column of text."""
        return bool(_text_columns(table))

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the text column, once it is resolved."""
        assert self.text_column is not None, "for_columns comes first"
        return (self.text_column,)

    def for_columns(self, table: pa.Table, dataset: str, label_column: str | None = None) -> Self:
        """Use the named column, or one with a usual name, or the column with the longest texts."""
        check_column(table, "text_column", self.text_column, dataset)
        found = [name for name in _text_columns(table) if name != label_column]
        if self.text_column is not None:
            if self.text_column == label_column:
                raise UserError(
                    f"column '{label_column}' of '{dataset}' holds the labels; name another --text_column or --label_column"
                )
            kind = table.schema.field(self.text_column).type
            if not (is_text_column(kind) or _becomes_text(kind)):
                raise UserError(f"column '{self.text_column}' of '{dataset}' holds {kind}, not text; name another one")
            return self
        if not found:
            columns = ", ".join(f"{part.name} ({part.type})" for part in table.schema)
            raise UserError(
                f"'{dataset}' has no column of text but {columns}; name another data set or a --text_column"
            )
        usual = [name for name in found if name.lower() in TEXT_NAMES]
        exact = [name for name in found if name == "text"]
        taken = (exact or usual or [max(found, key=lambda name: _length(table.column(name)))])[0]
        others = [name for name in found if name != taken]
        if others and taken != "text":
            print_once(f"texts are read from column '{taken}' and not from {', '.join(others)} (--text_column chooses)")
        return replace(self, text_column=taken)

    def as_read(self, table: pa.Table) -> pa.Table:
        """Return rows with the numbers in the text column as text."""
        place = table.schema.get_field_index(self.columns[0])
        kind = table.schema.field(place).type
        if is_text_column(kind) or is_bytes(kind):
            return table
        return table.set_column(place, self.columns[0], table.column(place).cast(pa.string()))

    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> TextReader:
        """Return a reader of the texts of rows."""
        return TextReader(self.columns[0], held_out, strict)

    def warnings_about(self, inputs: Sequence[str]) -> list[str]:
        """Return doubts about characters that could not be read, about texts of one letter, and about repeated texts."""
        letters = Counter[str]()
        for text in inputs:
            letters.update(text[: max(1, LOOKED_AT // len(inputs))])
        total, column = sum(letters.values()), self.columns[0]
        seen = [letter for letter in letters if not letter.isspace()]
        if len(seen) == 1:
            raise UserError(
                f"the texts in column '{column}' hold one character alone ({seen[0]!r}); nothing can be learned from them"
            )
        if len(inputs) > 1 and len(set(inputs)) == 1:
            raise UserError(
                f"all texts in column '{column}' are the same ({inputs[0][:40]!r}); nothing can be learned from them"
            )
        found = []
        wrong = {
            "are no UTF-8 and became U+FFFD": letters[REPLACED],
            "are control characters": sum(count for letter, count in letters.items() if _is_control(letter)),
        }
        for what, count in wrong.items():
            sentence = f"{count:,} of {total:,} characters in column '{column}' {what}"
            advice = "name their encoding with --encoding (such as latin-1), or repair the files"
            if count > WORTHLESS * total:
                raise UserError(f"{sentence}; nothing can be learned from them: {advice}")
            if count:
                found.append(f"{sentence}; {advice}")
        short = sum(len(text.strip()) == 1 for text in inputs) / len(inputs)
        if short > MANY:
            found.append(f"{short:.0%} of the texts in column '{column}' have one character")
        again = 1 - len(set(inputs)) / len(inputs)
        if again > MANY:
            found.append(f"{again:.0%} of the texts in column '{column}' repeat another one")
        return found


def _text_columns(table: pa.Table) -> list[str]:
    """Return the columns of text, and those with a usual name that hold numbers or bytes."""
    return [
        part.name
        for part in table.schema
        if is_text_column(part.type) or (part.name.lower() in TEXT_NAMES and _becomes_text(part.type))
    ]


def _becomes_text(kind: pa.DataType) -> bool:
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return number or is_bytes(kind)


def _length(column: pa.ChunkedArray) -> int:
    return sum(len(value) for value in column.to_pylist() if isinstance(value, str))


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) == "Cc" and not letter.isspace()
