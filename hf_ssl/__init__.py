"""hf_ssl: learn from your own unlabelled data with one command, and know what that was worth."""

from __future__ import annotations

__version__ = "0.1.0"
