"""Global batches from a stream or from memory, and the slots that each process trains on."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from hf_ssl.common.randomness import key_of
from hf_ssl.data.stream import Position, Sample, Stream


@dataclass
class Batch:
    """The share of a global batch that one process trains on in one step.

    Attributes:
        slots: positions in the global batch, ascending.
        samples: one per slot.
        digests: 16 bytes per slot: BLAKE2b over source rows and offsets.
        keys: one per slot, for all randomness of the sample: a hash of (seed, epoch, source rows and offsets).
        positions: position after this batch of each partition that was read.
    """

    slots: list[int]
    samples: list[Sample]
    digests: list[bytes]
    keys: list[int]
    positions: dict[int, dict[str, Any]]


def digest_of(sample: Sample) -> bytes:
    """Return 16 bytes that identify a sample by its source: BLAKE2b over source rows and offsets."""
    return hashlib.blake2b(np.ascontiguousarray(sample.spans, "<i8").tobytes(), digest_size=16).digest()


class StreamBatches(IterableDataset[Batch]):
    """An iterable over the slots of every global batch that one process (and one of its workers) delivers."""

    def __init__(
        self, stream: Stream, batch_size: int, positions: dict[int, Position], process: int = 0, processes: int = 1
    ) -> None:
        self.stream = stream
        self.batch_size = batch_size
        self.positions = positions
        self.process = process
        self.processes = processes

    def partitions(self) -> list[int]:
        """Return the partitions from which this process reads its slots."""
        slots = range(self.process, self.batch_size, self.processes)
        return sorted({slot % self.stream.partitions for slot in slots})

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        mine = self.partitions()[worker.id :: worker.num_workers] if worker else self.partitions()
        readers = {p: self.stream.read(p, self.positions.get(p, Position())) for p in mine}
        while True:
            yield self._next(readers)

    def _next(self, readers: dict[int, Iterator[tuple[Sample, Position]]]) -> Batch:
        batch = Batch([], [], [], [], {})
        last: dict[int, Position] = {}
        for slot in range(self.batch_size):
            partition = slot % self.stream.partitions
            if partition not in readers:
                continue
            sample, position = next(readers[partition])
            last[partition] = position
            if slot % self.processes == self.process:
                digest = digest_of(sample)
                batch.slots.append(slot)
                batch.samples.append(sample)
                batch.digests.append(digest)
                batch.keys.append(key_of(self.stream.seed, position.epoch, digest))
        batch.positions = {partition: position.as_dict() for partition, position in last.items()}
        return batch


def merge(parts: list[Batch]) -> Batch:
    """Merge the parts that several workers delivered for one step, in slot order."""
    slots = [slot for part in parts for slot in part.slots]
    order = sorted(range(len(slots)), key=slots.__getitem__)
    samples = [sample for part in parts for sample in part.samples]
    digests = [digest for part in parts for digest in part.digests]
    keys = [key for part in parts for key in part.keys]
    return Batch(
        [slots[i] for i in order],
        [samples[i] for i in order],
        [digests[i] for i in order],
        [keys[i] for i in order],
        {partition: position for part in parts for partition, position in part.positions.items()},
    )


def load_batches(batches: StreamBatches, workers: int) -> Iterator[Batch]:
    """Iterate over the batches of a process, read by ``workers`` worker processes (0: by this process)."""
    if workers == 0:
        return iter(batches)
    return _from_workers(batches, workers)


def _from_workers(batches: StreamBatches, workers: int) -> Iterator[Batch]:
    workers = min(workers, len(batches.partitions()))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # threads of a tokenizer do not survive a fork
    loader = iter(DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=2))
    while True:
        yield merge([next(loader) for _ in range(workers)])


class BatchSource(Protocol):
    """The source of batches for the training loop."""

    @property
    def unit(self) -> str:
        """Return the unit in which speed and cost are counted, in the plural."""
        ...

    @property
    def units_per_sample(self) -> int:
        """Return how many units a sample has."""
        ...

    @property
    def workers(self) -> int:
        """Return how many processes read data."""
        ...

    def batches(self, place: Place, process: int, processes: int) -> Iterator[Batch]:
        """Yield the share of a process in every batch, starting at a place, endlessly."""
        ...

    def partitions(self, process: int, processes: int) -> list[int]:
        """Return the partitions whose positions this process knows."""
        ...

    def name(self, shard: int) -> str:
        """Return the name of a shard for messages."""
        ...


@dataclass(frozen=True)
class Place:
    """The progress of a run.

    Attributes:
        step: number of optimizer steps done.
        positions: position in each partition of a stream.
    """

    step: int = 0
    positions: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamSource:
    """Batches from a stream.

    Attributes:
        stream: stream of samples.
        batch_size: samples per global batch.
        workers: processes that read data; 0 reads in the training process.
    """

    stream: Stream
    batch_size: int
    workers: int = 0

    @property
    def unit(self) -> str:
        """Return the unit in which speed and cost are counted, in the plural."""
        return self.stream.encoder.unit

    @property
    def units_per_sample(self) -> int:
        """Return how many units a sample has."""
        return self.stream.encoder.units_per_sample

    def batches(self, place: Place, process: int, processes: int) -> Iterator[Batch]:
        """Yield the share of a process in every batch, starting at a place."""
        return load_batches(self._batches(place, process, processes), self.workers)

    def partitions(self, process: int, processes: int) -> list[int]:
        """Return the partitions that this process reads."""
        return self._batches(Place(), process, processes).partitions()

    def name(self, shard: int) -> str:
        """Return the name of a shard for messages."""
        return self.stream.rows.name(shard)

    def _batches(self, place: Place, process: int, processes: int) -> StreamBatches:
        positions = {partition: Position(**position) for partition, position in place.positions.items()}
        return StreamBatches(self.stream, self.batch_size, positions, process, processes)


@dataclass(frozen=True)
class MemorySource:
    """Batches from samples in memory, which are shuffled anew in each epoch.

    Attributes:
        samples: all samples.
        batch_size: samples per global batch, at most the number of samples.
        seed: seed of the orders.
    """

    samples: Sequence[Sample]
    batch_size: int
    seed: int
    unit: str = "rows"
    units_per_sample: int = 1
    workers: int = 0

    def batches(self, place: Place, process: int, processes: int) -> Iterator[Batch]:
        """Yield the share of a process in every batch, starting at a place; it depends only on the seed and the step."""
        per_epoch = len(self.samples) // self.batch_size
        for step in itertools.count(place.step):
            epoch, number = divmod(step, per_epoch)
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.samples))
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            batch = Batch([], [], [], [], {})
            for slot in range(process, len(chosen), processes):
                sample = self.samples[chosen[slot]]
                batch.slots.append(slot)
                batch.samples.append(sample)
                batch.digests.append(digest_of(sample))
                batch.keys.append(key_of(self.seed, step, slot))
            yield batch

    def partitions(self, process: int, processes: int) -> list[int]:
        """Return no partitions: the step alone determines the position."""
        del process, processes
        return []

    def name(self, shard: int) -> str:
        """Return the name of a shard for messages."""
        return f"shard {shard} of the rows in memory"
