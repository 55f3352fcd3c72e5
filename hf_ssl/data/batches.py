"""Global batches out of the stream: which process gets which slots, read ahead by a thread or by worker processes."""

import contextlib
import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from hf_ssl.data.stream import Position, Sample, Stream
from hf_ssl.randomness import key_of

READ_AHEAD = 8  # batches: enough to hide the encoding of a whole block
Item = TypeVar("Item")


@dataclass
class Batch:
    """What one process trains on in one step.

    Attributes:
        slots: places in the global batch, ascending.
        samples: one a slot.
        digests: 16 bytes a slot: BLAKE2b over source rows and offsets.
        keys: one a slot, for all randomness of the sample: a hash of (seed, epoch, source rows and offsets).
        positions: after this batch, of each partition that was read.
    """

    slots: list[int]
    samples: list[Sample]
    digests: list[bytes]
    keys: list[int]
    positions: dict[int, dict[str, Any]]


class Batches(IterableDataset[Batch]):
    """The slots of every global batch that one process (and one of its workers) has to deliver."""

    def __init__(
        self, stream: Stream, batch_size: int, positions: dict[int, Position], process: int = 0, processes: int = 1
    ) -> None:
        self.stream = stream
        self.batch_size = batch_size
        self.positions = positions
        self.process = process
        self.processes = processes

    def partitions(self) -> list[int]:
        """Partitions from which this process needs any slot."""
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
                digest = hashlib.blake2b(np.ascontiguousarray(sample.spans, "<i8").tobytes(), digest_size=16).digest()
                batch.slots.append(slot)
                batch.samples.append(sample)
                batch.digests.append(digest)
                batch.keys.append(key_of(self.stream.seed, position.epoch, digest))
        batch.positions = {partition: position.as_dict() for partition, position in last.items()}
        return batch


def merge(parts: list[Batch]) -> Batch:
    """Put what several workers delivered for one step into slot order."""
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


def load_batches(batches: Batches, workers: int) -> Iterator[Batch]:
    """Iterate over the batches of a process, read by ``workers`` processes (0: in this one)."""
    if workers == 0:
        return iter(batches)
    return _from_workers(batches, workers)


def _from_workers(batches: Batches, workers: int) -> Iterator[Batch]:
    workers = min(workers, len(batches.partitions()))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # threads of a tokenizer do not survive a fork
    loader = iter(DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=2))
    while True:
        yield merge([next(loader) for _ in range(workers)])


class ReadAhead(Iterator[Item]):
    """Fetch items in a thread, so that training does not wait for data and a stalled read does not block a stop.

    Within its context it yields the items, ends when ``stopped()`` is true, and raises what reading raised. However long the
    layers below would wait for a server that asks them to: after ``timeout`` seconds without an item reading has failed. The
    first item may take longer: a file that cannot be entered in the middle is read from its start.
    """

    def __init__(self, items: Iterator[Item], stopped: Callable[[], bool], timeout: float) -> None:
        self._items = items
        self._stopped = stopped
        self._timeout = timeout
        self._begun = False
        self._fetched: queue.Queue[Item | BaseException] = queue.Queue(READ_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._fetch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join(timeout=0.5)  # one that is stuck in a read is left behind

    def __next__(self) -> Item:
        begun = time.monotonic()
        while not self._stopped():
            if self._begun and time.monotonic() - begun > self._timeout:
                raise TimeoutError(f"no data came for {self._timeout:g} seconds (--read_timeout)")
            with contextlib.suppress(queue.Empty):
                item = self._fetched.get(timeout=0.1)
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, BaseException):  # a panic of the tokenizer's
                    raise RuntimeError(f"reading data failed: {item}") from item
                self._begun = True
                return item
        raise StopIteration

    def _fetch(self) -> None:
        try:
            for item in self._items:
                self._put(item)
                if self._closed.is_set():
                    return
            raise RuntimeError("an endless stream has ended")
        except BaseException as error:  # handed to the consumer, who raises it
            self._put(error)

    def _put(self, item: Item | BaseException) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                return self._fetched.put(item, timeout=0.1)
