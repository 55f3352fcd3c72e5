"""Rows of each modality, and what it makes of them, for the tests of this folder."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import pytest
import torch

from hf_ssl.data.rows import Block
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.known import MODALITIES
from hf_ssl.modalities.prepared import Needs, Prepared

NAMES = [*MODALITIES, "numbers"]
FOLDERS = {"numbers": "toy"}  # of the tests, where it is not that of the modality's name
ROWS = 60


def example(name: str) -> Any:
    return importlib.import_module(f"modalities.{FOLDERS.get(name, name)}.example")


@dataclasses.dataclass(frozen=True)
class Made:
    """A modality with its columns settled, what it prepared on some rows, and those rows."""

    modality: Modality
    prepared: Prepared
    block: Block
    inputs: list[Any]

    @property
    def samples(self) -> list[Any]:
        return self.modality.row_encoder(self.prepared, Needs()).encode(self.block, [])[0]

    def strict_encode(self, block: Block) -> Any:
        return self.modality.row_encoder(self.prepared, Needs(), strict=True).encode(block, [])

    def batch(self, *places: int) -> dict[str, torch.Tensor]:
        return self.modality.collate([self.samples[place] for place in places])

    def pooled(self, encoder: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            return self.modality.pool(encoder.eval()(**inputs), inputs)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def sentence(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)
