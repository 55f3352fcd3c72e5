"""Shared foundations: errors, flags, keyed randomness, progress bars, retries for the Hub, and the run folder."""
