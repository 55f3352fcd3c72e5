"""Memory that is freed and taken again in every step stays with the process."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h
KEPT = 2**30


def keep_freed_memory() -> None:
    """Let glibc's allocator keep up to a gigabyte: fresh pages for each tensor cost as much as small operations on it."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # not in other C libraries
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)
