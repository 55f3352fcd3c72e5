"""Contrastive learning: which two views come from the same row? (SimCLR: Chen et al. 2020). The modality defines views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.base import PretextTask

if TYPE_CHECKING:
    from torch import Tensor

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part

PROJECTED = 64  # dimensions in which views are compared


@dataclass(frozen=True)
class Contrastive(PretextTask):
    """Make two views of each row, and find the other view of a row among those of the whole batch."""

    _argument_group_name = "task: contrastive learning"
    tag: ClassVar[str] = "contrastive-learning"
    baseline: ClassVar[tuple[str, str]] = ("chance_loss", "guessing")
    needs_views: ClassVar[bool] = True
    needs_whole_batch: ClassVar[bool] = True

    temperature: float = field(default=0.15, metadata={"help": "Divisor of the similarities."})
    projector: bool = field(
        default=True, metadata={"help": "Compare views after two layers that are discarded after training."}
    )
    all_views: bool = field(
        default=True,
        metadata={
            "help": "Find the other view among all views, or only among the second views (a quarter of the work)."
        },
    )

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UserError(f"--temperature must be above 0, not {self.temperature}")

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Return the encoder input: the first views of all rows, then the second views."""
        views: dict[str, Tensor] = prepared.modality.two_views(batch, keys, prepared, progress)
        return views

    def model(self, prepared: Prepared, seed: int) -> Any:
        """Return an encoder with an optional two-layer projector."""
        from hf_ssl.pretext.parts.embedder import HeadedEncoder, projector

        encoder = prepared.modality.encoder(prepared, seed)
        head = projector(prepared.modality.hidden_width(encoder), PROJECTED, seed) if self.projector else None
        return HeadedEncoder(encoder, head, prepared.modality.pool)

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the cross-entropy in nats of finding the other view among those of all processes (NT-Xent)."""
        from hf_ssl.pretext.parts.contrast import contrast

        return contrast(model(**batch), self.temperature, model.training, self.all_views)

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return loss, accuracy, and the loss of guessing among the same number of views."""
        from hf_ssl.pretext.parts.contrast import chance

        return score | chance(parts[0].rows, self.all_views)

    def pictures(self, model: Any, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared) -> dict[str, Tensor]:
        """Return each row and its two views, if the modality can draw them."""
        views = prepared.modality.pictures_of(self.corrupt(batch, keys, prepared), prepared)
        if views is None:
            return {}
        first, second = views.chunk(2)
        return {"image": prepared.modality.pictures_of(batch, prepared), "one view": first, "the other view": second}
