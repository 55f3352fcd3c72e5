"""Flags of number series and of their views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.flags import ModalityFlags, ViewFlags


@dataclass(frozen=True)
class NumberFlags(ModalityFlags):
    """Which series, which model."""

    _argument_group_name = "modality: numbers"
    embedded: ClassVar[str] = "numbers"  # there is none
    reading: ClassVar[tuple[str, ...]] = ("values_column", "times_column")
    defaults: ClassVar[dict[str, Any]] = {"batch_size": 32}

    values_column: str | None = field(default=None, metadata={"help": "Column with the numbers."})
    times_column: str | None = field(default=None, metadata={"help": "Column with the time of each number."})
    width: int = field(default=16, metadata={"help": "Dimensions of the encoder."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1:
            raise UserError(f"--width must be at least 1, not {self.width}")


@dataclass(frozen=True)
class NumberViews(ViewFlags):
    """Two parts of a series, drawn independently."""

    _argument_group_name = "views of numbers"

    smallest_part: float = field(default=0.4, metadata={"help": "Smallest share of a series in a view."})

    def __post_init__(self) -> None:
        if not 0 < self.smallest_part <= 1:
            raise UserError(f"--smallest_part must be above 0 and at most 1, not {self.smallest_part}")
