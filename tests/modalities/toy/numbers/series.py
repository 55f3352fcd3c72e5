"""Series of numbers, and how rows become series, and series become samples and views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from hf_ssl.common.errors import UserError
from hf_ssl.common.randomness import random_uniform
from hf_ssl.data.rows import Block, is_held_out
from hf_ssl.data.stream import Sample, Skipped


@dataclass(frozen=True, eq=False)
class Series:
    """An input: float32 numbers, each with its time, of any length from 1 on."""

    times: np.ndarray
    values: np.ndarray

    def content(self) -> bytes:
        """Return both as bytes."""
        return self.times.tobytes() + self.values.tobytes()

    def sample(self, shard: int, row: int) -> Sample:
        """Return the series as a sample."""
        span = np.array([[shard, row, 0, len(self.values)]], np.int64)
        return Sample({"times": self.times, "values": self.values}, span)


def is_list_of_numbers(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_floating(kind.value_type)


@dataclass(frozen=True)
class SeriesReader:
    """Reads the series of a block (a `RowReader`)."""

    columns: tuple[str, ...]  # times, values
    held_out: bool | None = None
    strict: bool = False

    def read(self, block: Block) -> tuple[list[tuple[int, Series]], list[Skipped]]:
        """Return (place, series) of the usable rows, and the others."""
        usable, skipped = [], []
        pairs = zip(*(block.table.column(name).to_pylist() for name in self.columns), strict=True)
        for place, (times, values) in enumerate(pairs):
            if not values or not times or len(values) != len(times):
                if self.strict:
                    raise UserError(f"row {block.rows[place]} of shard {block.shard} has no time for each number")
                skipped.append(Skipped(int(block.rows[place]), "times and values do not match"))
                continue
            series = Series(np.array(times, np.float32), np.array(values, np.float32))
            if self.held_out is None or self.held_out == is_held_out(series.content()):
                usable.append((place, series))
        return usable, skipped


@dataclass(frozen=True)
class SeriesEncoder:
    """Makes a sample of each series (a `RowEncoder`)."""

    reader: SeriesReader
    unit: str = "series"
    units_per_sample: int = 1

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return samples, nothing left over, and the rows skipped."""
        usable, skipped = self.reader.read(block)
        return [series.sample(block.shard, int(block.rows[place])) for place, series in usable], carry, skipped

    def rest(self, carry: list[Any]) -> list[Sample]:
        """Return none."""
        return []


def union(parts: Sequence[Sample]) -> dict[str, Tensor]:
    """Return series one after the other: "times", "values" and "index" (numbers,), "lengths" (series,)."""
    lengths = torch.tensor([len(part.values["values"]) for part in parts])
    joined = {name: torch.from_numpy(np.concatenate([p.values[name] for p in parts])) for name in ("times", "values")}
    return joined | {"index": torch.arange(len(parts)).repeat_interleave(lengths), "lengths": lengths}


def two_parts(batch: dict[str, Tensor], keys: Tensor, smallest: float) -> dict[str, Tensor]:
    """Return two parts of each series: the first parts of all, then the second ones, as one union."""
    lengths, rows = batch["lengths"], len(batch["lengths"])
    begins = lengths.cumsum(0) - lengths
    place = torch.arange(len(batch["index"]), device=keys.device) - begins[batch["index"]]
    drawn = random_uniform(keys, 4)
    views = []
    for number, (size, where) in enumerate((drawn[:, :2].T, drawn[:, 2:].T)):
        kept = ((smallest + (1 - smallest) * size) * lengths).round().clamp(min=1).long()
        first = (where * (lengths - kept + 1)).long()
        inside = (place >= first[batch["index"]]) & (place < (first + kept)[batch["index"]])
        part = {name: batch[name][inside] for name in ("times", "values")}
        views.append(part | {"index": batch["index"][inside] + number * rows, "lengths": kept})
    return {name: torch.cat([view[name] for view in views]) for name in views[0]}
