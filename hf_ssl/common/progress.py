"""Progress bars with rate and time left, and the stages of a long job."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm


def progress_bar(description: str, items: Iterable[Any] | None = None, **options: Any) -> Any:
    """Return a progress bar that refreshes twice a second on a terminal, and less often if the output goes to a file."""
    interval = 0.5 if sys.stderr.isatty() else 15
    return tqdm(items, desc=description, mininterval=interval, maxinterval=2 * interval, **options)


def say(what: str) -> None:
    """Announce a step that may take seconds and has nothing to count, once for all processes of a machine."""
    print_once(f"{what} ...")


def print_once(sentence: str) -> None:
    """Print a sentence, once for all processes of a machine."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(sentence, flush=True)


def no_progress(_rows: int) -> None:
    """Do nothing; for callers that show no progress."""


class Stages:
    """A progress bar that names each part as it begins, so that no part runs silently."""

    def __init__(self) -> None:
        """Start without a bar."""
        self._bar: Any = None
        self._running = False

    def expect(self, parts: int) -> None:
        """Show a bar of this many parts."""
        self._bar = progress_bar("comparison", total=parts, unit="part", leave=False)

    def begin(self, title: str) -> None:
        """Name the part that begins and mark the previous one as done."""
        if self._bar is None:
            say(title)
            return
        self._bar.update(int(self._running))
        self._bar.set_description(f"comparison, {title}")
        self._running = True

    def end(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
