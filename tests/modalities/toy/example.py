"""Number series of three kinds, and the one line that adds their modality."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from hf_ssl.data.rows import Block
from hf_ssl.modalities.known import MODALITIES
from hf_ssl.runs import card

FLAGS = [
    "--task=contrastive", "--width=8", "--batch_size=16", "--max_steps=12", "--save_steps=4", "--eval_steps=6",
    "--mixed_precision=no",
]  # fmt: skip
METHODS = {"moments", "histogram"}
PACKAGE = "modalities.toy.numbers"
GROUP = 20  # rows of a row group
LABELS = ("fast", "slope", "slow")  # words, which do not make the rows texts


@contextlib.contextmanager
def added() -> Iterator[None]:
    """The package knows number series within this context."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODALITIES, "numbers", PACKAGE)
        yield


@contextlib.contextmanager
def added_with_its_card(folder: Path) -> Iterator[None]:
    """The same, with the card fragment among the templates, which are copied into a folder."""
    shutil.copytree(card.templates(), folder)
    shutil.copy(Path(__file__).parent / "numbers.md", folder / "modalities" / "numbers.md")
    with added(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(card, "templates", lambda: folder)
        yield


def settings() -> dict[str, Any]:
    return {"width": 8}


def table(rows: int, seed: int = 0) -> pa.Table:
    """Fast waves, slopes and slow waves, 5 to 40 numbers each, with noise."""
    generator = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {"times": [], "values": [], "label": []}
    for _ in range(rows):
        label, count = int(generator.integers(3)), int(generator.integers(5, 41))
        times = np.sort(generator.uniform(0, 10, count))
        clean = (2 * np.sin(6 * times), times / 3 - 1, np.sin(times))[label]
        columns["times"].append(times.astype(np.float32))
        columns["values"].append((clean + generator.normal(0, 0.3, count)).astype(np.float32))
        columns["label"].append(LABELS[label])
    return pa.table(columns)


def block(rows: int) -> Block:
    return Block(0, np.arange(rows), table(rows))


def write(folder: Path, rows: int = 480, files: int = 2, labelled: bool = True) -> Path:
    """A data set of series as Parquet files; the first row of each row group has one time too few."""
    folder.mkdir(parents=True)
    for number in range(files):
        part = table(rows // files, number).to_pylist()
        for row in part[::GROUP]:
            row["times"] = row["times"][1:]
        path = folder / f"train-{number:05d}.parquet"
        columns = pa.Table.from_pylist(part).select(["times", "values", "label"][: 3 if labelled else 2])
        pa.parquet.write_table(columns, path, row_group_size=GROUP, write_page_checksum=True)
    return folder


def results_of(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())
