"""SIGTERM and SIGINT ask for a stop; the step in progress is finished and saved."""

import os
import signal
from types import FrameType, TracebackType
from typing import Self


class StopRequest:
    """Within this context both signals set ``signal``; a second one changes nothing, so that no step is lost."""

    signal: int | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._receive) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self.signal is not None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            os.write(2, b"\nstopping after this step, which is saved\n")  # print is not safe in a signal handler
        self.signal = number


class Stopped(Exception):  # noqa: N818 - not an error
    """The run was asked to stop, and everything up to ``step`` is saved."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped at step {step}, which is saved; run the same command to go on")
        self.number = number
