"""The order of samples: a function of (seed, position), whatever the number of processes and workers.

The data set's shards are dealt to a fixed number of *partitions*. A partition visits its shards in an order drawn anew each
epoch and reads them in blocks of rows; rows, and the samples made of them, are permuted by a generator seeded with (seed,
epoch, shard, block). Slot ``s`` of every global batch comes from partition ``s % partitions`` and is trained by process
``s % processes``. So a position is a few integers a partition, resuming reads at most one block again, and any number of
processes trains on identical batches.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from hf_ssl.data.rows import Rows
from hf_ssl.errors import UserError

BLOCK_ROWS = 2048
MOST_PARTITIONS = 8
MOST_EXAMPLES = 20  # of unusable rows that a partition remembers
ENOUGH_ROWS = 200  # before their share means anything


@dataclass
class Sample:
    """One model input and where it came from.

    Attributes:
        values: named arrays, without a batch dimension.
        spans: int64, shape (pieces, 4): shard, row, first and past-the-last offset in the encoded row.
    """

    values: dict[str, np.ndarray]
    spans: np.ndarray


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


@dataclass(frozen=True)
class Skipped:
    """A row that cannot be used.

    Attributes:
        row: its index in the shard.
        reason: in a few words.
        name: of the row, where it has one (a file name).
    """

    row: int
    reason: str
    name: str = ""


class RowEncoder(Protocol):
    """Turns a block of rows into samples of one shape."""

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return samples, what is left over for the next block (JSON), and the unusable rows."""
        ...


@dataclass(frozen=True)
class Position:
    """Where a partition stands: all that a checkpoint keeps of the data.

    Attributes:
        epoch: passes finished.
        shard: place in this epoch's order of shards.
        block: block within that shard.
        taken: samples of that block already trained on.
        carry: what the blocks before left over (JSON).
        rows: rows read in the first pass.
        skipped: reason -> unusable rows met in the first pass.
        examples: the first of them, [where, reason].
        everywhere: whether the partition reads all shards, because its own hold nothing.
    """

    epoch: int = 0
    shard: int = 0
    block: int = 0
    taken: int = 0
    carry: list[Any] = field(default_factory=list)
    rows: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    examples: list[list[str]] = field(default_factory=list)
    everywhere: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def partition_count(shards: int, batch_size: int) -> int:
    """How many partitions: the most, up to 8, that divide the batch and get nearly equally many shards.

    Each partition gives the same number of rows to every batch, so one with fewer shards would repeat its rows sooner: the
    largest may exceed the mean by a tenth.
    """
    counts = [count for count in range(min(MOST_PARTITIONS, shards), 0, -1) if batch_size % count == 0]
    return next(count for count in counts if -(-shards // count) * count <= 1.1 * shards)


@dataclass(frozen=True)
class Stream:
    """An endless stream of samples cut into partitions.

    Attributes:
        rows: their shards are the unit of seeking.
        encoder: makes samples out of rows.
        seed: of all orders.
        partitions: how many there are; see `partition_count`.
        block_rows: rows held in memory for shuffling, shared by the partitions.
        most_skipped: share of unusable rows above which reading stops.
    """

    rows: Rows
    encoder: RowEncoder
    seed: int
    partitions: int
    block_rows: int = BLOCK_ROWS
    most_skipped: float = 1.0

    def read(self, partition: int, start: Position) -> Iterator[tuple[Sample, Position]]:
        """Yield the samples of a partition from a position on, each with the position after it.

        Raises:
            UserError: if a whole epoch of the partition holds nothing to train on, or a row cannot be read.
        """
        position = start
        while True:
            begin, fruitful = position, False
            order = self._shard_order(partition, position)
            for place in range(position.shard, len(order)):
                for block in self._blocks(order[place], position.epoch, position.block):
                    samples, carry, skipped = self.encoder.encode(block, position.carry)
                    # Mixed once more: a long document makes many samples, which would come one after the other.
                    mixed = self._generator(position.epoch, block.shard, position.block, 1).permutation(len(samples))
                    for taken in range(position.taken, len(samples)):
                        position, fruitful = replace(position, taken=taken + 1), True
                        yield samples[mixed[taken]], position
                    position = replace(position, block=position.block + 1, taken=0, carry=carry)
                    if position.epoch == 0:
                        position = self._count(position, block, skipped)
                position = replace(position, shard=place + 1, block=0)
            position = replace(position, epoch=position.epoch + 1, shard=0)
            whole_epoch = (begin.shard, begin.block, begin.taken) == (0, 0, 0)
            if whole_epoch and not fruitful and position.carry == begin.carry:
                if position.everywhere:
                    raise UserError("the training rows hold nothing usable; name another column or data set")
                position = replace(position, everywhere=True)

    def _count(self, position: Position, block: Block, skipped: list[Skipped]) -> Position:
        counts, examples = dict(position.skipped), list(position.examples)
        for row in skipped:
            counts[row.reason] = counts.get(row.reason, 0) + 1
            if len(examples) < MOST_EXAMPLES:
                examples.append([self._name(block, row), row.reason])
        position = replace(position, rows=position.rows + len(block.rows), skipped=counts, examples=examples)
        check_skipped(sum(counts.values()), position.rows, self.most_skipped, examples)
        return position

    def _name(self, block: Block, row: Skipped) -> str:
        return row.name or f"{self.rows.name(block.shard)}, row {row.row} of shard {block.shard}"

    def _shard_order(self, partition: int, position: Position) -> list[int]:
        first, step = (0, 1) if position.everywhere else (partition, self.partitions)
        shards = np.arange(first, self.rows.shards, step)
        return [int(shard) for shard in self._generator(position.epoch, partition).permutation(shards)]

    def _blocks(self, shard: int, epoch: int, first: int) -> Iterator[Block]:
        """Blocks of one shard, from the ``first`` on, permuted."""
        size = self.block_rows // self.partitions
        for number, table in enumerate(self.rows.tables(shard, size, first * size), start=first):
            order = self._generator(epoch, shard, number).permutation(table.num_rows)
            yield Block(shard, number * size + order, table.take(order))

    def _generator(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *place])


def skipped_rows(positions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What all partitions could not use: how many rows, why, and examples."""
    reasons: dict[str, int] = {}
    examples: list[list[str]] = []
    for position in positions:
        for reason, count in position["skipped"].items():
            reasons[reason] = reasons.get(reason, 0) + count
        examples += position["examples"]
    return {"skipped_rows": sum(reasons.values()), "skipped": reasons, "skipped_examples": examples[:MOST_EXAMPLES]}


def check_skipped(skipped: int, rows: int, most: float, examples: list[list[str]], enough: int = ENOUGH_ROWS) -> None:
    """Stop if too many of the rows are unusable.

    Raises:
        UserError: naming the first of them.
    """
    if rows >= enough and skipped > most * rows:
        where, reason = examples[0]
        raise UserError(
            f"{skipped} of {rows} rows are unusable, more than the share of {most:g} that --max_skipped allows "
            f"(the first: {where}: {reason})"
        )


def unshuffled_blocks(rows: Rows, size: int = 256, most_shards: int = 16) -> Iterator[Block]:
    """One pass over evenly spaced shards in turns, a block from each: for looking at data, not for training.

    Data that lie sorted by label are met mixed, and a large data set is not read from its start only.
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
