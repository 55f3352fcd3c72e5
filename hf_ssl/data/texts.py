"""Files of plain text, cut into rows by line, paragraph or document."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from hf_ssl.data.characters import CHUNK, open_text
from hf_ssl.data.formats import TEXT_COLUMN

LINE, PARAGRAPH, DOCUMENT = "line", "paragraph", "document"
BLANK = re.compile(r"\n(?:[ \t]*\n)+")


@dataclass(frozen=True)
class TextShard:
    """A file of plain text.

    Attributes:
        name: path of the file.
        sample_by: what a row is: a line, a paragraph, or the whole document.
        encoding: of its characters; None finds it.
        label: its class folder, if there are such folders.
    """

    name: str
    sample_by: str = LINE
    encoding: str | None = None
    label: str | None = None

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`."""
        del wanted
        with open_text(self.name, self.encoding) as file:
            for texts in self._texts(file):
                columns = {TEXT_COLUMN: pa.array(texts, pa.string())}
                if self.label is not None:
                    columns["label"] = pa.array([self.label] * len(texts))
                yield pa.table(columns)

    def _texts(self, file: io.TextIOWrapper) -> Iterator[list[str]]:
        if self.sample_by == DOCUMENT:
            yield [file.read()]
            return
        rest = ""
        while chunk := file.read(CHUNK):
            chunk += file.readline()
            if self.sample_by == LINE:
                yield [line.rstrip("\n") for line in io.StringIO(chunk)]  # str.splitlines cuts at more than line ends
                continue
            *whole, rest = BLANK.split(rest + chunk)
            yield [part for part in whole if part.strip()]
        if rest.strip():
            yield [rest]
