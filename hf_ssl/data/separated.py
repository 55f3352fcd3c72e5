"""Files of separated values, whose columns are words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from hf_ssl.data.characters import CHUNK, open_utf8
from hf_ssl.data.formats import TEXT_NAMES
from hf_ssl.data.tables import placed

SEPARATORS = ",\t;|"
LONGEST_NAME = 100  # characters of a column; a first row is longer
MOST_ALIKE = 10  # lines of a text that have as many commas as rows


@dataclass(frozen=True)
class CsvShard:
    """A file of separated values, whose first line names the columns.

    Attributes:
        name: path of the file.
        encoding: of its characters; None finds it.
    """

    name: str
    encoding: str | None = None

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`. Wanted columns are words: types could change within a file."""
        separator, names = self._header()
        lost = [part.name for part in wanted or () if not part.nullable and part.name not in names]
        if lost:
            raise ValueError(f"it has no column '{lost[0]}'")
        text = {name: pa.string() for name in (names if wanted is None else wanted.names)}
        if wanted is None:
            text = {name: kind for name, kind in text.items() if name.lower() in TEXT_NAMES}
        options = pyarrow.csv.ConvertOptions(
            column_types=text,
            include_columns=None if wanted is None else wanted.names,
            include_missing_columns=True,
            null_values=[""],
            strings_can_be_null=False,
            check_utf8=False,
        )
        with open_utf8(self.name, self.encoding) as file:
            reader = pyarrow.csv.open_csv(
                file,
                read_options=pyarrow.csv.ReadOptions(block_size=CHUNK, use_threads=False),
                parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                convert_options=options,
            )
            for batch in reader:
                self._check_quotes(batch, separator, len(names))
                yield placed(pa.Table.from_batches([batch]), self.name)

    def _header(self) -> tuple[str, list[str]]:
        with open_utf8(self.name, self.encoding) as file:
            line = (file.readline().decode("utf-8", "replace").splitlines() or [""])[0]
        separator = max(SEPARATORS, key=line.count)
        names = [name.strip().strip('"') for name in line.split(separator)]
        longest = max(names, key=len)
        if len(longest) > LONGEST_NAME:
            raise ValueError(f"its first line names no columns ('{longest[:40]} ...'); add a line with their names")
        return separator, names

    def _check_quotes(self, batch: pa.RecordBatch, separator: str, columns: int) -> None:
        """Refuse values that swallowed rows: a quote at the beginning of a value that nothing closes before a later quote.

        Raises:
            ValueError: naming the row before which that happened.
        """
        fewest = 1 if separator == "\t" else MOST_ALIKE
        for column in batch.columns if columns > 1 else ():
            if not pa.types.is_string(column.type):
                continue
            lines = pyarrow.compute.count_substring(column.cast(pa.binary()), b"\n")
            for value in column.filter(pyarrow.compute.greater(lines, fewest)).to_pylist():
                inner = value.split("\n")[1:-1]
                if all(line.count(separator) == columns - 1 for line in inner):
                    raise ValueError(
                        f"a quote at '{value[:40]}' is not closed, so that {len(inner) + 1} rows would become one text; remove "
                        "it, or double it within quotes"
                    )
