"""Streamed rows, shard by shard, and the hash-based held-out split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from datasets import IterableDataset

from hf_ssl.common.errors import UserError, in_one_line

SHARE = 0.05  # share of held-out rows


@dataclass(frozen=True)
class Rows:
    """One split of a streamed data set.

    Attributes:
        dataset: as `datasets` streams it.
        files: the file that each shard belongs to; empty if unknown.
    """

    dataset: IterableDataset
    files: tuple[str, ...] = ()

    @property
    def shards(self) -> int:
        """Return the number of parts that can be read independently."""
        return int(self.dataset.num_shards)

    def tables(self, shard: int, size: int, first: int = 0) -> Iterator[pa.Table]:
        """Yield the rows of a shard, starting at row ``first``, as tables of ``size`` rows.

        Raises:
            UserError: naming the file, if it cannot be read.
        """
        rows = self.dataset.shard(num_shards=self.shards, index=shard).with_format("arrow")
        try:
            yield from rows.skip(first).iter(batch_size=size)
        except Exception as error:  # errors of the format readers share no base class
            raise UserError(f"cannot read {self.name(shard)}: {in_one_line(error)}; fix or remove it") from error

    def name(self, shard: int) -> str:
        """Return the name of a shard for messages."""
        return self.files[shard] if len(self.files) == self.shards else f"shard {shard} of the data set"


def is_held_out(content: bytes) -> bool:
    """Return whether a row with this content is held out: decided by a hash, so that duplicates stay on one side."""
    digest = hashlib.blake2b(content, digest_size=8, person=b"held-out").digest()
    return int.from_bytes(digest, "little") < SHARE * 2**64


@dataclass(frozen=True)
class Block:
    """Some rows of one shard, already in training order.

    Attributes:
        shard: index of the shard.
        rows: int64, index of each row in its shard.
        table: the rows.
    """

    shard: int
    rows: np.ndarray
    table: pa.Table


def unshuffled_blocks(rows: Rows, size: int = 256, most_shards: int = 16) -> Iterator[Block]:
    """Yield blocks from evenly spaced shards in turn, for one pass: for inspecting data, not for training.

    This mixes data that are sorted by label, and samples a large data set beyond its start.
    """
    chosen = np.unique(np.linspace(0, rows.shards - 1, min(rows.shards, most_shards)).astype(int))
    readers = {int(shard): rows.tables(int(shard), size) for shard in chosen}
    number = 0
    while readers:
        for shard in list(readers):
            table = next(readers[shard], None)
            if table is None:
                del readers[shard]
            else:
                yield Block(shard, np.arange(number * size, number * size + table.num_rows), table)
        number += 1
