"""Random numbers that are a function of a key and a counter, never of how often a generator was called."""

import hashlib

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed integer
_FIRST = -4658895280553007687  # 0xBF58476D1CE4E5B9
_SECOND = -7723592293110705685  # 0x94D049BB133111EB


def key_of(*parts: int | str | bytes) -> int:
    """A 63-bit key from any parts, the same on every machine (BLAKE2b)."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return int.from_bytes(digest.digest(), "little") >> 1


def random_bits(keys: Tensor, count: int) -> Tensor:
    """Counter-based random 64-bit integers (SplitMix64: Steele, Lea and Flood 2014).

    Args:
        keys: int64, shape (rows,): one key a row.
        count: numbers drawn a row.

    Returns:
        int64, shape (rows, count), on the device of ``keys``; the same for a key in whatever batch it comes.
    """
    counters = torch.arange(1, count + 1, device=keys.device)
    bits = keys[:, None] + counters * _GOLDEN
    bits = (bits ^ _shift_right(bits, 30)) * _FIRST
    bits = (bits ^ _shift_right(bits, 27)) * _SECOND
    return bits ^ _shift_right(bits, 31)


def random_uniform(keys: Tensor, count: int) -> Tensor:
    """Counter-based uniform numbers in [0, 1): float64 of shape (rows, count)."""
    return _shift_right(random_bits(keys, count), 11).double() * 2.0**-53


def random_ranks(keys: Tensor, count: int) -> Tensor:
    """A random order of ``count`` things a row: int64 of shape (rows, count), the place of each."""
    return random_bits(keys, count).argsort(1).argsort(1)


def subkeys(keys: Tensor, count: int) -> tuple[Tensor, ...]:
    """Keys of their own for ``count`` purposes, each of the shape of ``keys``."""
    return random_bits(keys, count).unbind(1)


def _shift_right(bits: Tensor, by: int) -> Tensor:
    """Logical shift: torch's own repeats the sign."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
