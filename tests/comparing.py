"""Comparisons of made-up tables."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet
from conftest import pretrain

SHORT = ["--budget=20s"]


def compare(*arguments) -> None:
    pretrain(*SHORT, *arguments, script="compare.py")


def table(folder, texts, **columns):
    folder.mkdir()
    pa.parquet.write_table(pa.table({"text": texts, **columns}), folder / "train.parquet")
    return folder


def results_of(folder):
    return json.loads((folder / "results.json").read_text())
