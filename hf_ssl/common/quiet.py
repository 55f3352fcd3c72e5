"""Silence for advice that is acted on already."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def without_advice() -> Iterator[None]:
    """Silence scikit-learn's warnings about unfinished fits, rare labels and many labels, over progress bars and reports.

    All figures are measured on other rows, whatever a fit has come to, and rare labels are reported once.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"sklearn\.")
        yield
