"""Progress bars with rate and time left."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm


def progress_bar(description: str, items: Iterable[Any] | None = None, **options: Any) -> Any:
    """A bar that redraws twice a second on a terminal, and now and then where the output goes to a file."""
    interval = 0.5 if sys.stderr.isatty() else 15
    return tqdm(items, desc=description, mininterval=interval, maxinterval=2 * interval, **options)
