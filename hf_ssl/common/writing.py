"""Atomic writing of files and folders."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hf_ssl.common.errors import UserError, in_one_line


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert errors while writing a file or folder into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # safetensors and tokenizers raise their own errors when the disk is full
        elsewhere = isinstance(error, PermissionError | FileNotFoundError | NotADirectoryError)
        full = (isinstance(error, OSError) and not elsewhere) or "os error" in str(error)
        advice = "free some space and rerun" if full else "rerun"
        raise UserError(f"cannot write {path} ({in_one_line(error)}); {advice} the same command to resume") from error


def write_text(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees either the old or the new text."""
    temporary = path.with_name(f".{path.name}.writing")
    with writing(path):
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


@contextlib.contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill, which replaces ``path`` when it is complete."""
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with writing(path):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            yield temporary
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
