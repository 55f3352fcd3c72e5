"""How many threads small computations take."""

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits


def one_thread() -> threadpool_limits:
    """A context in which linear algebra takes one thread.

    Small products are no faster with more, and on busy cores several times as slow, as threads wait for each other; sums are
    then added up in the same order every time.
    """
    return threadpool_limits(1)


@contextlib.contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch take so many threads within this context; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
