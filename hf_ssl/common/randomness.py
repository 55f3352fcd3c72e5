"""Random numbers that depend only on a key and a counter, never on how often a generator was called."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed integer
_FIRST = -4658895280553007687  # 0xBF58476D1CE4E5B9
_SECOND = -7723592293110705685  # 0x94D049BB133111EB


def key_of(*parts: int | str | bytes) -> int:
    """Return a 63-bit key for any parts, the same on every machine (BLAKE2b)."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return int.from_bytes(digest.digest(), "little") >> 1


def random_bits(keys: Tensor, count: int) -> Tensor:
    """Draw counter-based random 64-bit integers (SplitMix64: Steele, Lea and Flood 2014).

    Args:
        keys: int64, shape (rows,): one key per row.
        count: numbers to draw per row.

    Returns:
        int64, shape (rows, count), on the device of ``keys``; a key gives the same numbers in any batch.
    """
    counters = torch.arange(1, count + 1, device=keys.device)
    bits = keys[:, None] + counters * _GOLDEN
    bits = (bits ^ _shift_right(bits, 30)) * _FIRST
    bits = (bits ^ _shift_right(bits, 27)) * _SECOND
    return bits ^ _shift_right(bits, 31)


def random_uniform(keys: Tensor, count: int) -> Tensor:
    """Draw counter-based uniform numbers in [0, 1): float64 of shape (rows, count)."""
    return _shift_right(random_bits(keys, count), 11).double() * 2.0**-53


def random_normal(keys: Tensor, count: int) -> Tensor:
    """Draw counter-based standard normal numbers: float32 of shape (rows, count)."""
    middle = 2 * random_uniform(keys, count) - 1 + 2.0**-53  # never -1 or 1, where the inverse is infinite
    return (2**0.5 * torch.erfinv(middle)).float()


def random_ranks(keys: Tensor, count: int) -> Tensor:
    """Draw a random permutation of ``count`` items per row: int64 of shape (rows, count), the rank of each item."""
    return random_bits(keys, count).argsort(1).argsort(1)


def subkeys(keys: Tensor, count: int) -> tuple[Tensor, ...]:
    """Derive ``count`` independent sets of keys, each of the shape of ``keys``."""
    return random_bits(keys, count).unbind(1)


def _shift_right(bits: Tensor, by: int) -> Tensor:
    """Shift right logically: torch's own shift is arithmetic."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
