"""Contrastive views: which two views come from one image? (SimCLR: Chen et al. 2020)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.errors import UserError
from hf_ssl.modalities.images import ImageTask, mean_and_spread
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

PROJECTED = 64  # dimensions that views are compared in
CROPS = ((0.58, 1 / 2), (0.9, 3 / 4), (1.0, 1.0))  # until this share of the steps, crops of this share of the size


@dataclass(frozen=True)
class Contrastive(ImageTask):
    """Make two views of an image, find the other one among those of all images."""

    _argument_group_name = "task: contrastive views"
    tag: ClassVar[str] = "contrastive-learning"
    baseline: ClassVar[tuple[str, str]] = ("chance_loss", "guessing")
    needs_whole_batch: ClassVar[bool] = True

    temperature: float = field(default=0.15, metadata={"help": "By which similarities are divided."})
    smallest_crop: float = field(default=0.25, metadata={"help": "Share of the image that a view covers at least."})
    colour_jitter: float = field(default=0.4, metadata={"help": "Strength of brightness, contrast, saturation."})
    hue_jitter: float = field(default=0.1, metadata={"help": "Share of a full turn of colours, either way."})
    grey_share: float = field(default=0.2, metadata={"help": "Share of the views without colour."})
    invert_share: float = field(
        default=0.0, metadata={"help": "Share of the views that are negatives (where light or dark means nothing)."}
    )
    mirror: bool = field(default=True, metadata={"help": "Half of the views mirrored (not for digits or text)."})
    progressive_crops: bool = field(
        default=True,
        metadata={"help": "Smaller views first, which cost less (a ViT takes one size and sees no difference)."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"--temperature must be above 0, not {self.temperature}")
        if not 0 < self.smallest_crop <= 1:
            raise UserError(f"--smallest_crop must be above 0 and at most 1, not {self.smallest_crop}")
        for name in ("colour_jitter", "hue_jitter", "grey_share", "invert_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"--{name} must lie between 0 and 1, not {getattr(self, name)}")

    def view_size(self, progress: float) -> int:
        """Pixels a side of the views at this share of the training: a multiple of 8, as the grids are halved three times."""
        from hf_ssl.models.images import stem_filters

        if not (self.progressive_crops and stem_filters(self)):
            return self.image_size
        share = next((share for until, share in CROPS if progress < until), 1.0)
        return min(self.image_size, max(16, round(self.image_size * share / 8) * 8))

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Two views of each image: crop, mirror, colours.

        Returns:
            "first" and "second", float of shape (rows, 3, size, size), the size growing with ``progress``.
        """
        import torch

        from hf_ssl.data.augmentation import Jitter, as_float, crop_and_flip, jitter_and_normalise
        from hf_ssl.randomness import subkeys

        images, size = as_float(batch["image"]), self.view_size(progress)
        mean, spread = mean_and_spread(prepared, images)
        place, colours, other_place, other_colours = subkeys(keys, 4)
        jitter = Jitter(self.colour_jitter, self.hue_jitter, self.grey_share, self.invert_share)
        mirrored = 0.5 if self.mirror else 0.0
        # Both views at once: small steps are then half as many.
        views = crop_and_flip(
            images.repeat(2, 1, 1, 1), torch.cat([place, other_place]), size, self.smallest_crop, mirrored
        )
        views = jitter_and_normalise(views, torch.cat([colours, other_colours]), jitter, mean, spread)
        return dict(zip(("first", "second"), views.chunk(2), strict=True))

    def model(self, prepared: Prepared, seed: int) -> Any:
        """An encoder with a projector of two layers, which is thrown away after training."""
        from torch import nn

        from hf_ssl.models.batchwise import Standardise
        from hf_ssl.models.configuration import seeded
        from hf_ssl.models.head import EncoderWithHead
        from hf_ssl.models.images import encoder_model

        encoder = encoder_model(self, prepared.statistics, seed)
        width = encoder.config.hidden_size
        with seeded(seed):
            projector = nn.Sequential(Standardise(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTED))
        return EncoderWithHead(encoder, projector, pooled=True)

    def product(self, model: Any) -> "PreTrainedModel":
        """The encoder."""
        return model.base_model

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Cross-entropy in nats of finding the other view among those of the whole batch, of all processes (NT-Xent)."""
        import torch

        from hf_ssl.models.contrast import contrast

        projected = model(torch.cat([batch["first"], batch["second"]]))
        with torch.autocast(projected.device.type, enabled=False):  # short vectors: float32 costs nothing
            return contrast(projected, self.temperature, model.training)

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """Loss, accuracy, and the loss of guessing among as many views."""
        from hf_ssl.models.contrast import chance

        return score | chance(len(parts[0]["first"]))

    def pictures(self, model: Any, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared) -> dict[str, Any]:
        """The image and its two views."""
        views = self.corrupt(batch, keys, prepared)
        first, second = (self.shown(views[name], prepared) for name in ("first", "second"))
        return {"image": batch["image"] / 255, "one view": first, "the other view": second}
