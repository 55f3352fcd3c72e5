"""Shared foundations: errors, flags, keyed randomness, progress bars, retries for the Hub, and the run folder."""

from __future__ import annotations

from hf_ssl.common.waiting import spin_briefly

spin_briefly()  # before anything imports torch: all commands load this package first
