"""Device capabilities and settings: bfloat16, threads and memory."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits


def has_bfloat16() -> bool:
    """Return whether the device supports bfloat16 natively; emulation is slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))


def autocast() -> torch.autocast:
    """Return the autocast context for computing features: bfloat16 where the device supports it."""
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16())


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # from malloc.h
KEPT = 2**30


def keep_freed_memory() -> None:
    """Let glibc's allocator keep up to 1 GiB: fresh pages for each tensor cost as much as small operations on it."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # not in other C libraries
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limit linear algebra to one thread within this context or decorated function.

    Small products lose by more threads, which wait for each other: a logistic regression on 2,000 rows took 15 times as
    long with two. A single thread also keeps the order of summation fixed.
    """
    with threadpool_limits(1):
        yield


@contextlib.contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch use ``count`` threads within this context; None leaves the number unchanged."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
