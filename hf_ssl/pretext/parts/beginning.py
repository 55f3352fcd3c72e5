"""A task that may begin with contrast: the encoder first learns which views belong together, then the task goes on from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.base import PretextTask

if TYPE_CHECKING:
    from hf_ssl.modalities.prepared import Prepared

FEWEST_ROWS = 30  # to tell apart


@dataclass(frozen=True)
class BeginsWithContrast(PretextTask):
    """A task whose model may first learn which two views come from the same row.

    Attributes:
        most_first_steps: steps of the first phase, at most, unless the user gives a number.
        first_ratio: steps of the first phase for each step of the task, likewise.
        first_share: share of a budget that the first phase gets, at most.
        continues: the whole encoder has learned in the first phase, so that the task goes on with lower rates.
    """

    most_first_steps: ClassVar[int] = 1500
    first_ratio: ClassVar[float] = 3
    first_share: ClassVar[float] = 0.75
    continues: ClassVar[bool] = True

    contrast_steps: int | None = field(
        default=None,
        metadata={
            "help": "Steps of contrastive learning from which the task goes on; 0 leaves them out.",
            "default": "as many as usually pay, in proportion to --max_steps; 0 for a named model",
        },
    )

    def __post_init__(self) -> None:
        if self.contrast_steps is not None and self.contrast_steps < 0:
            raise UserError(f"--contrast_steps must be at least 0, not {self.contrast_steps}")

    def check(self, modality: Any) -> None:
        """Check that the model is new if contrast comes first: that of a checkpoint has learned already."""
        if self.contrast_steps and modality.model_name_or_path:
            raise UserError("--contrast_steps is for new models; leave it out to train a checkpoint on")

    def wants_contrast(self, modality: Any) -> bool:
        """Return whether a first phase is wanted: not for named models, unless asked for."""
        named = modality.config_name or modality.model_name_or_path
        return not named if self.contrast_steps is None else self.contrast_steps > 0

    def begins(self, prepared: Prepared) -> bool:
        """Return whether there is a first phase: if it is wanted, and there are rows to tell apart."""
        return self.wants_contrast(prepared.modality) and int(prepared.statistics.get("rows", 0)) >= FEWEST_ROWS

    def first_steps(self, prepared: Prepared, max_steps: int) -> int:
        """Return the number of steps of the first phase; 0 for none."""
        if not self.begins(prepared):
            return 0
        usual = min(self.most_first_steps, math.ceil(self.first_ratio * max_steps))
        return usual if self.contrast_steps is None else self.contrast_steps

    def first_settings(self, model: Any) -> dict[str, Any]:
        """Return flags of the modality, for the first phase, that differ from those of the task itself."""
        del model
        return {}

    def begin_with(self, model: Any, first: Any) -> None:
        """Copy what the first phase has learned into a new model; by default, the encoder, which may have a mask token besides."""
        loaded = model.base_model.load_state_dict(first.base_model.state_dict(), strict=False)
        assert all(name.startswith("pooler.") for name in loaded.unexpected_keys), loaded  # of no use here
