"""The files of a data set: in a folder, in zip archives, or in a repository on the Hub."""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from datasets.utils.file_utils import xopen

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.data.formats import ZIP

INSIDE = "zip://"  # zip://MEMBER::ARCHIVE


@dataclass(frozen=True)
class DataFile:
    """A file of a data set.

    Attributes:
        name: relative to the data set, with / between folders.
        path: opened by `open_binary`.
        size: in bytes; None if unknown.
    """

    name: str
    path: str
    size: int | None = None


def list_local(path: Path) -> list[DataFile]:
    """List a folder, following links to files and folders, or one file; zip archives are opened."""
    if path.is_file():
        return open_archives([DataFile(path.name, str(path), path.stat().st_size)])
    found = [
        DataFile(file.relative_to(path).as_posix(), str(file), file.stat().st_size if file.exists() else None)
        for file in _walk(path)
    ]
    return open_archives(sorted(found, key=lambda file: file.name))


def list_hub(repo_id: str, commit: str, names: Sequence[str]) -> list[DataFile]:
    """List the files of a data set repository at a commit."""
    return open_archives([DataFile(name, f"hf://datasets/{repo_id}@{commit}/{name}") for name in sorted(names)])


def _walk(top: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(folder) / name for name in names)


def open_archives(files: list[DataFile]) -> list[DataFile]:
    """Put the members of zip archives in place of the archives."""
    found: list[DataFile] = []
    for file in files:
        if not file.name.lower().endswith(ZIP):
            found.append(file)
            continue
        try:
            members = archive(file.path).infolist()
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise UserError(f"cannot read the archive {file.path}: {in_one_line(error)}; download it again") from error
        if any(member.flag_bits & 1 for member in members):
            raise UserError(f"the archive {file.path} is encrypted; unpack it")
        folder = file.name[: -len(ZIP)]
        found += [
            DataFile(f"{folder}/{member.filename}", f"{INSIDE}{member.filename}::{file.path}", member.file_size)
            for member in members
            if not member.is_dir()
        ]
    return found


def archive(path: str) -> zipfile.ZipFile:
    """Return an open zip archive, opened once in each process: forked processes would share a position in the file."""
    changed = os.stat(path).st_mtime_ns if os.path.exists(path) else 0
    with _one_at_a_time:
        return _archive(path, changed, os.getpid())


_one_at_a_time = threading.Lock()  # opens archives


@lru_cache(maxsize=16)
def _archive(path: str, changed: int, process: int) -> zipfile.ZipFile:
    del changed, process  # part of the key
    if "://" not in path:
        return zipfile.ZipFile(path)
    file = xopen(path, "rb")
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        file.close()
        raise


def open_binary(path: str) -> IO[bytes]:
    """Open a file, a member of a zip archive or a file on the Hub."""
    member, outside = parts_of(path)
    if member is not None:
        return archive(outside).open(member)
    if "://" not in path:
        return open(path, "rb")
    found: IO[bytes] = xopen(path, "rb")
    return found


def parts_of(path: str) -> tuple[str | None, str]:
    """Return the member and the archive that a path names; of other paths None and the path."""
    if not path.startswith(INSIDE):
        return None, path
    words = path.removeprefix(INSIDE).split("::")  # either name may hold these signs
    cuts = [("::".join(words[:cut]), "::".join(words[cut:])) for cut in range(1, len(words))]
    return next(((member, outside) for member, outside in cuts if os.path.exists(outside)), cuts[0])


def folder_of(path: str) -> str:
    """Return the folder of a file, for paths in its rows."""
    return str(PurePosixPath(path).parent) if "://" not in path else path.rsplit("/", 1)[0]
