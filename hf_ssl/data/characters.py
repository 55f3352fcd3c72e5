"""Characters of text files: which encoding a file has, and how it is read."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
from collections.abc import Callable
from typing import IO, Any, cast

import pyarrow as pa

from hf_ssl.data.listing import open_binary, parts_of

# The longer mark first: that of UTF-32 begins like that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
LOOKED_AT = 1024  # bytes, for zeros in every other place
CHUNK = 10 << 20  # bytes or characters read at once
BUFFER = 1 << 20  # bytes


def open_unpacked(path: str) -> io.BufferedReader:
    """Open a file, decompressed if its name ends like that of a compressed file."""
    raw = open_binary(path)
    name = (parts_of(path)[0] or path).lower()
    unpack = next((unpack for ending, unpack in UNPACK.items() if name.endswith(ending)), None)
    if unpack is not None:
        return _Unpacking(unpack(raw), raw)
    return raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw), BUFFER)


class _Unpacking(io.BufferedReader):
    """A decompressed file, which closes the file below it."""

    def __init__(self, unpacked: io.RawIOBase, packed: IO[bytes]) -> None:
        super().__init__(unpacked, BUFFER)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


class _Unpacked(io.RawIOBase):
    """An Arrow stream as a raw file."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # any writable buffer
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


UNPACK: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda raw: _Unpacked(pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")),
}


def encoding_of(stream: io.BufferedReader, named: str | None) -> str:
    """Return the named encoding, or that which the first bytes of a file tell: by a byte-order mark, or UTF-16 by its zeros."""
    first = stream.peek(LOOKED_AT)[:LOOKED_AT]
    marked = next((name for mark, name in MARKS.items() if first.startswith(mark)), None)
    if marked or named:
        return marked or str(named)
    zeros = [first[place::2].count(0) for place in (0, 1)]
    if len(first) > 8 and max(zeros) > len(first) // 4 and min(zeros) < len(first) // 64 + 1:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return "utf-8"


def open_text(path: str, encoding: str | None) -> io.TextIOWrapper:
    """Open a file as text; what is not in its encoding becomes U+FFFD, which the survey counts."""
    stream = open_unpacked(path)
    return io.TextIOWrapper(stream, encoding_of(stream, encoding), errors="replace")


def open_utf8(path: str, encoding: str | None) -> IO[bytes]:
    """Open a file as UTF-8 without a byte-order mark; a file in UTF-8 is not checked."""
    stream = open_unpacked(path)
    found = encoding_of(stream, encoding)
    if found == "utf-8-sig":
        stream.read(len(codecs.BOM_UTF8))
    if codecs.lookup(found).name in ("utf-8", "utf-8-sig"):
        return stream
    return io.BufferedReader(_Recoded(io.TextIOWrapper(stream, found, errors="replace", newline="")))


class _Recoded(io.RawIOBase):
    """Text as a raw file of UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._left = b""

    def close(self) -> None:
        super().close()
        self._text.close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # any writable buffer
        self._left = self._left or self._text.read(len(buffer)).encode("utf-8", "replace")
        data, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)
