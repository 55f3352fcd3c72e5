"""Background reading, so that training does not wait for data."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

READ_AHEAD = 8  # batches: enough to hide the encoding of a whole block
Item = TypeVar("Item")


class ReadAhead(Iterator[Item]):
    """Fetch items in a thread, so that training does not wait for data and a stalled read does not block a stop.

    Within its context it yields the items, ends when ``stopped()`` is true, and re-raises reading errors. Reading fails
    after ``timeout`` seconds without an item, however long the layers below would wait for a server. The first item may take
    longer: a file without random access is read from its start.
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
        self._thread.join(timeout=0.5)  # a thread stuck in a read is abandoned

    def __next__(self) -> Item:
        begun = time.monotonic()
        while not self._stopped():
            if self._begun and time.monotonic() - begun > self._timeout:
                raise TimeoutError(f"no data came for {self._timeout:g} seconds (--read_timeout)")
            with contextlib.suppress(queue.Empty):
                item = self._fetched.get(timeout=0.1)
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, BaseException):  # a panic in the tokenizer
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
        except BaseException as error:  # passed to the consumer, which raises it
            self._put(error)

    def _put(self, item: Item | BaseException) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                return self._fetched.put(item, timeout=0.1)
