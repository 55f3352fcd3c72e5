"""Running and stopping scripts: user errors give a one-sentence message and a non-zero status, never a traceback."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Self

from hf_ssl.common.errors import UserError, in_one_line


def command_line(arguments: Sequence[str]) -> str:
    """Return the command line, including the launcher if there is one, for model cards."""
    launcher = ["torchrun", "--nproc_per_node", os.environ["WORLD_SIZE"]] if "WORLD_SIZE" in os.environ else ["python"]
    return shlex.join([*launcher, sys.argv[0], *arguments])


def run_script(main: Callable[[list[str]], None]) -> None:
    """Run ``main`` with the command line and exit with its status.

    0: done; 1: an error that the user can fix; 128 + n: stopped by signal n with everything saved.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without the letters shows their codes
    status = 0
    try:
        main(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    except Stopped as stop:
        print(stop, file=sys.stderr)
        status = 128 + stop.number
    except RuntimeError as error:
        # Collectives raise a plain RuntimeError when a peer is lost or unresponsive.
        if "LOCAL_RANK" not in os.environ or not re.search("gloo|nccl|connection|timed out", str(error), re.IGNORECASE):
            raise
        print(
            f"error: a process of this run failed or was lost: {in_one_line(error)}; rerun the same command to resume",
            file=sys.stderr,
        )
        status = 1
    except KeyboardInterrupt:
        print("interrupted; rerun the same command to resume from the last checkpoint, if any", file=sys.stderr)
        status = 130
    sys.stdout.flush()
    sys.stderr.flush()
    # Streaming readers may still have threads running, on which a normal exit would hang or abort.
    os._exit(status)


class StopRequest:
    """Record SIGTERM or SIGINT in ``signal`` within this context; later signals are ignored, so that no step is lost."""

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
        """Return whether a stop was requested."""
        return self.signal is not None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            os.write(2, b"\nstopping after this step, which is saved\n")  # print is not safe in a signal handler
        self.signal = number


class Stopped(Exception):  # noqa: N818 - not an error
    """The run was stopped on request, and everything up to ``step`` is saved."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped at step {step}, which is saved; rerun the same command to resume")
        self.number = number
