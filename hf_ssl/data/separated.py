"""Files of separated values, whose columns are words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from hf_ssl.data.characters import CHUNK, open_utf8
from hf_ssl.data.formats import TEXT_NAMES
from hf_ssl.data.tables import placed

SEPARATORS = ",\t;|"


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
                yield placed(pa.Table.from_batches([batch]), self.name)

    def _header(self) -> tuple[str, list[str]]:
        with open_utf8(self.name, self.encoding) as file:
            line = file.readline().decode("utf-8", "replace").rstrip("\r\n")
        separator = max(SEPARATORS, key=line.count)
        return separator, [name.strip().strip('"') for name in line.split(separator)]
