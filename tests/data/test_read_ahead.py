"""Reading ahead in a thread: in order, ended by a stop, failed by a stall, with the error that reading met."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from hf_ssl.data.read_ahead import READ_AHEAD, ReadAhead


def test_reading_that_stalls_has_failed():
    def items():
        yield 1
        time.sleep(5)
        yield 2

    with ReadAhead(items(), lambda: False, timeout=0.3) as ahead:
        assert next(ahead) == 1
        with pytest.raises(TimeoutError, match="no data came for 0.3 seconds"):
            next(ahead)
    with ReadAhead(iter([1, 2]), lambda: False, timeout=5) as ahead:
        assert [next(ahead), next(ahead)] == [1, 2]


def test_what_reading_raised_is_raised_behind_what_came_before():
    def items():
        yield 1
        raise KeyError("broken row")

    with ReadAhead(items(), lambda: False, timeout=5) as ahead:
        assert next(ahead) == 1
        with pytest.raises(KeyError, match="broken row"):
            next(ahead)


def test_a_panic_of_another_language_is_an_error_too():
    class PanicError(BaseException):
        pass

    def items():
        raise PanicError("index out of range")
        yield

    with (
        ReadAhead(items(), lambda: False, timeout=5) as ahead,
        pytest.raises(RuntimeError, match="reading data failed: index out of range"),
    ):
        next(ahead)


def test_a_stream_that_ends_is_an_error():
    with ReadAhead(iter([1]), lambda: False, timeout=5) as ahead:
        assert next(ahead) == 1
        with pytest.raises(RuntimeError, match="an endless stream has ended"):
            next(ahead)


def test_a_stop_ends_it_even_while_it_waits():
    stop, release = threading.Event(), threading.Event()

    def items():
        yield 1
        release.wait(30)
        yield 2

    with ReadAhead(items(), stop.is_set, timeout=30) as ahead:
        assert next(ahead) == 1
        threading.Timer(0.2, stop.set).start()
        begun = time.monotonic()
        assert list(ahead) == []
        assert time.monotonic() - begun < 10
    release.set()


def test_it_reads_ahead_a_little_only_and_ends_with_its_context():
    read = []

    def items():
        for number in itertools.count():
            read.append(number)
            yield number

    with ReadAhead(items(), lambda: False, timeout=5) as ahead:
        assert next(ahead) == 0
        deadline = time.monotonic() + 10
        while len(read) < READ_AHEAD + 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert READ_AHEAD < len(read) <= READ_AHEAD + 3
        thread = ahead._thread
    thread.join(5)
    assert not thread.is_alive()


def test_the_first_item_may_take_longer():
    def items():
        time.sleep(0.6)
        yield from itertools.count()

    with ReadAhead(items(), lambda: False, timeout=0.3) as ahead:
        assert [next(ahead), next(ahead)] == [0, 1]
