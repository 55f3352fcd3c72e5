"""log.jsonl: one complete line per step."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hf_ssl.common.writing import writing


class StepLog:
    """Append unbuffered lines: they survive a kill, and closing after a failed write does not fail again.

    Processes other than the main one pass no path and write nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self._file = open(self.path or os.devnull, "ab", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, line: dict[str, Any]) -> None:
        """Append a line.

        Raises:
            UserError: if the disk is full.
        """
        rest = (json.dumps(line) + "\n").encode()
        with writing(self.path or Path(os.devnull)):
            while rest:  # a nearly full disk accepts a part and fails after that
                rest = rest[self._file.write(rest) :]
