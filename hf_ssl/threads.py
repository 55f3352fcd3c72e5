"""How many threads small computations take."""

from threadpoolctl import threadpool_limits


def one_thread() -> threadpool_limits:
    """A context in which linear algebra takes one thread.

    Small products are no faster with more, and on busy cores several times as slow, as threads wait for each other; sums are
    then added up in the same order every time.
    """
    return threadpool_limits(1)
