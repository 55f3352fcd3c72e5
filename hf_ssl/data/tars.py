"""Tar archives in which files of one name and several endings are a row (webdataset)."""

from __future__ import annotations

import itertools
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import progress_bar
from hf_ssl.data.characters import open_unpacked
from hf_ssl.data.formats import TEXT_COLUMN
from hf_ssl.data.image_endings import image_endings
from hf_ssl.data.listing import open_binary

END = 1024  # bytes: two blocks of zeros close every tar archive (POSIX.1, pax)
AT_ONCE = 128  # rows
HEAD = 32  # rows that tell the columns
TEXTS = ("txt", TEXT_COLUMN, "transcript")
NUMBERS = ("cls", "cls2", "index", "inx", "id")
ENDINGS = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]*)")
Row = dict[str, Any]


@dataclass(frozen=True)
class TarShard:
    """A tar archive. Images of several endings are one column, unless a row has several of them.

    Attributes:
        name: path of the archive.
    """

    name: str

    def tables(self, wanted: pa.Schema | None) -> Iterator[pa.Table]:
        """Yield its rows; see `hf_ssl.data.rows.Shard`."""
        with open_unpacked(self.name) as file, tarfile.open(fileobj=file, mode="r|*") as archive:
            rows = _rows(archive)
            head = list(itertools.islice(rows, HEAD))
            names = _columns(head) if wanted is None else wanted.names
            rows = itertools.chain(head, rows)
            while some := list(itertools.islice(rows, AT_ONCE)):
                yield pa.table({name: _array(name, [_value(row, name) for row in some]) for name in names})


def _rows(archive: tarfile.TarFile) -> Iterator[Row]:
    """Yield {ending: content} of files that follow each other and differ only in their endings."""
    files = (member for member in archive if member.isfile() and not member.name.split("/")[-1].startswith("._"))

    def key(member: tarfile.TarInfo) -> str:
        match = ENDINGS.fullmatch(member.name)
        return match[1] if match else member.name

    for base, members in itertools.groupby(files, key):
        row: Row = {"__key__": base}
        for member in members:
            content = archive.extractfile(member)
            row[member.name[len(base) + 1 :].lower()] = content.read() if content else None
        yield row


def _images(row: Row) -> list[str]:
    return [ending for ending in row if f".{ending}" in image_endings()]


def _columns(rows: Iterable[Row]) -> list[str]:
    """Return the columns of some rows; images of several endings are named like the first."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row if name))
    if all(len(_images(row)) <= 1 for row in rows):
        images = [name for name in names if f".{name}" in image_endings()]
        names = [name for name in names if name not in images[1:]]
    return names


def _value(row: Row, name: str) -> Any:
    """Return a column of a row; an image may have another ending than that of the column."""
    if name not in row and f".{name}" in image_endings() and len(_images(row)) == 1:
        name = _images(row)[0]
    value = row.get(name)
    if value is None or name == "__key__":
        return value
    ending = name.rsplit(".", 1)[-1]
    if f".{ending}" in image_endings():
        return {"bytes": value, "path": f"{row['__key__']}.{name}"}
    if ending in TEXTS:
        return value.decode("utf-8", "replace")
    return value.decode("utf-8", "replace").strip() if ending in NUMBERS else value


def _array(name: str, values: list[Any]) -> pa.Array:
    if name.rsplit(".", 1)[-1] not in NUMBERS:
        return pa.array(values)
    try:
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    except ValueError:  # words
        return pa.array(values, pa.string())


def check_archives(files: Sequence[str]) -> None:
    """Check that each plain tar archive, local or on the Hub, is complete by reading its end.

    Raises:
        UserError: naming the first incomplete archive.
    """
    archives = [file for file in files if file.endswith(".tar")]
    with ThreadPoolExecutor(8) as threads:
        ends = threads.map(_is_whole, archives)
        for file, whole in progress_bar("checking archives", zip(archives, ends, strict=True), delay=5):
            if not whole:
                raise UserError(f"the archive {file} is cut short: its end mark is missing; download it again")


def _is_whole(file: str) -> bool:
    with open_binary(file) as archive:
        size = archive.seek(0, 2)
        archive.seek(max(0, size - END))
        return size >= END and not any(archive.read(END))
