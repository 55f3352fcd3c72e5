"""Folders as people have them, and what is read of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from conftest import picture, png

from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.rows import unshuffled_blocks
from hf_ssl.data.sources import Source, open_source

PNG = png(picture(0, np.random.default_rng(0)))
JPG = png(picture(1, np.random.default_rng(1)), "jpeg")


def opened(path: Path, **flags) -> Source:
    return open_source(DataArguments(dataset_name=str(path), **flags))


def column(source: Source, name: str) -> list:
    return [value for block in unshuffled_blocks(source.train) for value in block.table.column(name).to_pylist()]


def write(folder: Path, *names: str, content: bytes | str = PNG) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
