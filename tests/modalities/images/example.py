"""Made-up photographs for the contract of the modalities."""

from __future__ import annotations

from typing import Any

from conftest import image_block

from hf_ssl.data.rows import Block


def block(rows: int) -> Block:
    return image_block(rows)


def settings() -> dict[str, Any]:
    return {"image_size": 16}


def others() -> list[dict[str, Any]]:
    return [{"image_size": 16, "architecture": "vit"}]
