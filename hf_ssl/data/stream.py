"""The order of samples: a function of (seed, position), independent of the number of processes and workers.

The shards of the data set are assigned to a fixed number of *partitions*. A partition visits its shards in a new random
order each epoch and reads them in blocks of rows; a generator seeded with (seed, epoch, shard, block) permutes the rows and
their samples. Slot ``s`` of every global batch comes from partition ``s % partitions`` and is trained on by process
``s % processes``. So a position is a few integers per partition, a resume rereads at most one block, and any number of
processes trains on identical batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block, Rows

BLOCK_ROWS = 2048
MOST_PARTITIONS = 8
MOST_EXAMPLES = 20  # of unusable rows, per partition
ENOUGH_ROWS = 200  # before the share of unusable rows is checked


@dataclass
class Sample:
    """One model input and its source.

    Attributes:
        values: named arrays, without a batch dimension.
        spans: int64, shape (pieces, 4): shard, row, start and end offset (exclusive) in the encoded row.
        label: label of the row, if the task learns from labels.
    """

    values: dict[str, np.ndarray]
    spans: np.ndarray
    label: int | None = None


@dataclass(frozen=True)
class Skipped:
    """A row that cannot be used.

    Attributes:
        row: its index in the shard.
        reason: a few words.
        name: name of the row, if it has one (a file name).
    """

    row: int
    reason: str
    name: str = ""


class RowEncoder(Protocol):
    """Turns a block of rows into samples."""

    @property
    def unit(self) -> str:
        """Return the unit in which speed and cost are counted, in the plural."""
        ...

    @property
    def units_per_sample(self) -> int:
        """Return how many units a sample has."""
        ...

    def encode(self, block: Block, carry: list[Any]) -> tuple[list[Sample], list[Any], list[Skipped]]:
        """Return samples, the remainder to carry into the next block (JSON), and the unusable rows."""
        ...

    def rest(self, carry: list[Any]) -> list[Sample]:
        """Return the remainder after the last block as samples, which may be shorter than others."""
        ...


@dataclass(frozen=True)
class Position:
    """The position in a partition: the only data state in a checkpoint.

    Attributes:
        epoch: number of finished passes.
        shard: index into this epoch's order of shards.
        block: block within that shard.
        taken: samples of that block already trained on.
        carry: remainder of the previous blocks (JSON).
        rows: rows read in the first pass.
        skipped: reason -> number of unusable rows in the first pass.
        examples: the first of them, as [location, reason].
        everywhere: whether the partition reads all shards, because its own have no usable rows.
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
        """Return the position as JSON."""
        return asdict(self)


def partition_count(shards: int, batch_size: int) -> int:
    """Return the largest number of partitions, up to 8, that divides the batch size and gives nearly equal shard counts.

    Each partition contributes the same number of rows to every batch, so one with fewer shards would repeat its rows sooner;
    the largest may exceed the mean by a tenth.
    """
    counts = [count for count in range(min(MOST_PARTITIONS, shards), 0, -1) if batch_size % count == 0]
    return next(count for count in counts if -(-shards // count) * count <= 1.1 * shards)


@dataclass(frozen=True)
class Stream:
    """An endless stream of samples cut into partitions.

    Attributes:
        rows: source rows; their shards are the unit of seeking.
        encoder: turns rows into samples.
        seed: seed of all orders.
        partitions: number of partitions; see `partition_count`.
        block_rows: rows held in memory for shuffling, over all partitions.
        most_skipped: share of unusable rows above which reading stops.
    """

    rows: Rows
    encoder: RowEncoder
    seed: int
    partitions: int
    block_rows: int = BLOCK_ROWS
    most_skipped: float = 1.0

    def read(self, partition: int, start: Position) -> Iterator[tuple[Sample, Position]]:
        """Yield the samples of a partition, starting at a position, each with the position after it.

        Raises:
            UserError: if a whole epoch of the partition has no usable rows, or a row cannot be read.
        """
        position = start
        while True:
            begin, fruitful = position, False
            order = self._shard_order(partition, position)
            for place in range(position.shard, len(order)):
                for block in self._blocks(order[place], position.epoch, position.block):
                    samples, carry, skipped = self.encoder.encode(block, position.carry)
                    # Shuffled again: the many samples of a long document would otherwise be adjacent.
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
                    raise UserError(f"there is nothing usable in the training rows: {_why(position)}")
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
        """Yield the shuffled blocks of one shard, starting at block ``first``."""
        size = self.block_rows // self.partitions
        for number, table in enumerate(self.rows.tables(shard, size, first * size), start=first):
            order = self._generator(epoch, shard, number).permutation(table.num_rows)
            yield Block(shard, number * size + order, table.take(order))

    def _generator(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *place])


def _why(position: Position) -> str:
    """Return what became of the rows of the first pass."""
    held = position.rows - sum(position.skipped.values())
    if held:
        return f"{held} of {position.rows} are held out for evaluation, or too short; add rows or name an --eval_split"
    return f"{commonest(position.examples)}; fix the data or name another column"


def skipped_rows(positions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Summarize the unusable rows of all partitions: their number, reasons and examples."""
    reasons: dict[str, int] = {}
    examples: list[list[str]] = []
    for position in positions:
        for reason, count in position["skipped"].items():
            reasons[reason] = reasons.get(reason, 0) + count
        examples += position["examples"]
    return {"skipped_rows": sum(reasons.values()), "skipped": reasons, "skipped_examples": examples[:MOST_EXAMPLES]}


def commonest(skipped: list[list[str]]) -> str:
    """Return the commonest reason of unusable rows, and the first row that has it."""
    if not skipped:
        return "there are no rows"
    ((reason, count),) = Counter(reason for _, reason in skipped).most_common(1)
    where = next(where for where, why in skipped if why == reason)
    return f"{count} {'is' if count == 1 else 'are'} unusable because: {reason} (the first: {where})"


def check_skipped(skipped: int, rows: int, most: float, examples: list[list[str]], enough: int = ENOUGH_ROWS) -> None:
    """Stop if too many rows are unusable.

    Raises:
        UserError: if so, naming the first unusable row.
    """
    if rows >= enough and skipped > most * rows:
        where, reason = examples[0]
        raise UserError(
            f"{skipped} of {rows} rows are unusable, more than the share of {most:g} that --max_skipped allows "
            f"(the first: {where}: {reason})"
        )
