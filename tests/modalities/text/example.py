"""Made-up sentences for the contract of the modalities."""

from __future__ import annotations

from typing import Any

from conftest import text_block

from hf_ssl.data.rows import Block

SMALL = {"sequence_length": 32, "vocabulary_size": 400}


def block(rows: int) -> Block:
    return text_block(rows)


def settings() -> dict[str, Any]:
    return SMALL


def others() -> list[dict[str, Any]]:
    return [{**SMALL, "text_encoder": "static", "embedding_size": 16}]
