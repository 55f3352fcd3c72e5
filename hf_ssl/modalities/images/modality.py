"""Images: squares of 8-bit pixels, crops with changed colours as views, small encoders, pixel and patch baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from hf_ssl.common.progress import no_progress
from hf_ssl.data.stream import Sample
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.baseline import Baseline
from hf_ssl.modalities.images import masked_patches, processor
from hf_ssl.modalities.images.augmentation import as_float, crop_and_flip, two_crops, view_size
from hf_ssl.modalities.images.baselines import PatchKmeans, Pixels, WhitenedPixels
from hf_ssl.modalities.images.embedding import embed_images, grid_of
from hf_ssl.modalities.images.encoders import STEM, classifier_like, classifier_model, encoder_model, stem_filters
from hf_ssl.modalities.images.flags import ImageViews
from hf_ssl.modalities.images.for_people import ShownImages
from hf_ssl.modalities.images.image_rows import ImageRows
from hf_ssl.modalities.images.patches import whitening_filters
from hf_ssl.modalities.images.processor import image_processor, load_image_processor, mean_and_spread, range_of
from hf_ssl.modalities.images.reading import ImageEncoder
from hf_ssl.modalities.images.trial import blank_grid
from hf_ssl.modalities.prepared import Costs, Needs, Prepared

SMALLEST_AREA = 0.5  # of the crops for training with labels


@dataclass(frozen=True)
class Images(ImageRows, ShownImages, Modality):
    """The image modality."""

    name: ClassVar[str] = "images"
    most_skipped: ClassVar[float] = 0.2
    watched_rows: ClassVar[tuple[int, int]] = (2000, 500)
    feature_pipeline: ClassVar[str] = "image-feature-extraction"
    classification_pipeline: ClassVar[str] = "image-classification"
    costs: ClassVar[Costs] = Costs(
        rows_a_minute=(1200, 480),
        most_rows=(25_000, 6_000),
        tasks=("contrastive", "masked_codes"),
        seconds={"contrastive": 0.3, "masked_codes": 0.8},
        settings={"contrastive": {"batch_size": 256}},
        supervised_seconds=0.09,
        shown=600,
    )

    views: ImageViews = field(default_factory=ImageViews)

    def content(self, value: np.ndarray) -> bytes:
        """Return the pixels of an image as bytes."""
        return value.tobytes()

    @property
    def surveyed(self) -> int:
        """Return the number of images that are read for preparation."""
        return min(4096, self._held)

    @property
    def measured_rows(self) -> tuple[int, int]:
        """Return the row counts whose images fit into 256 MiB."""
        return min(25_000, self._held), min(6_000, self._held // 4)

    @property
    def block_rows(self) -> int:
        """Return the block size in rows, smaller for larger images to bound memory."""
        return max(256, min(2048, 2**21 // self.image_size**2))

    @property
    def relative_cost(self) -> float:
        """Return the image area in units of 32x32 pixels, at least 1."""
        return max(1.0, (self.image_size / 32) ** 2)

    @property
    def _held(self) -> int:
        """Return the number of images that fit into 256 MiB."""
        return int(2**28 // (3 * self.image_size**2))

    def prepare(self, inputs: list[np.ndarray], needs: Needs) -> Prepared:
        """Build an image processor with the mean and spread of the data, and learn the fixed filters of the encoder.

        The processor matches the reader: colour, shorter side to size, centre crop, and scaling to mean 0 and variance 1.
        """
        images = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2)
        pixels = torch.cat([part.double().flatten(2).mean(2) for part in images.split(512)]) / 255
        squares = torch.cat([part.double().square().flatten(2).mean(2) for part in images.split(512)]) / 255**2
        mean = pixels.mean(0)
        spread = (squares.mean(0) - mean**2).clamp(min=1e-6).sqrt()
        prepared = Prepared(self, image_processor(self.image_size, mean.tolist(), spread.tolist(), self.scale))
        count = stem_filters(self) if needs.encoder else 0
        if not count:
            return prepared
        return replace(
            prepared, statistics={STEM: whitening_filters(self.as_pixels(inputs[:2000], prepared), 4, count)}
        )

    def load_processor(self, folder: Path) -> Any:
        """Load an image processor."""
        return load_image_processor(folder)

    def load_prepared(self, folder: Path) -> Prepared:
        """Load what was saved, with the range of pixels that the processor holds."""
        prepared = super().load_prepared(folder)
        return replace(prepared, modality=self.with_scale(range_of(prepared.processor)))

    def row_encoder(
        self, prepared: Prepared, needs: Needs, *, held_out: bool | None = None, strict: bool = False
    ) -> ImageEncoder:
        """Return an encoder from rows to 8-bit pixels."""
        del prepared, needs
        return ImageEncoder(self.reader(held_out=held_out, strict=strict))

    def as_samples(self, prepared: Prepared, inputs: Sequence[np.ndarray]) -> list[Sample]:
        """Return a sample for each image."""
        del prepared
        return [Sample({"image": image}, np.array([[0, row, 0, 1]])) for row, image in enumerate(inputs)]

    def collate(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """Return {"image": uint8 of shape (rows, 3, size, size)}."""
        stacked = torch.from_numpy(np.stack([sample.values["image"] for sample in samples]))
        return {"image": stacked.permute(0, 3, 1, 2)}

    def normalise(self, images: Tensor, prepared: Prepared) -> Tensor:
        """Scale pixels in [0, 1] to about mean 0 and variance 1, as the processor does."""
        mean, spread = mean_and_spread(prepared.processor, images)
        return (images - mean) / spread

    def as_pixels(self, inputs: Sequence[np.ndarray], prepared: Prepared) -> Tensor:
        """Convert images to encoder input: float of shape (rows, 3, size, size)."""
        return self.normalise(torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).float() / 255, prepared)

    def denormalise(self, pixels: Tensor, prepared: Prepared) -> Tensor:
        """Invert `normalise`, for display."""
        mean, spread = mean_and_spread(prepared.processor, pixels)
        return pixels * spread + mean

    def pictures_of(self, inputs: dict[str, Tensor], prepared: Prepared) -> Tensor:
        """Return a batch or encoder input as pictures in [0, 1]."""
        return inputs["image"] / 255 if "image" in inputs else self.denormalise(inputs["pixel_values"], prepared)

    def two_views(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float
    ) -> dict[str, Tensor]:
        """Return two crops of each image: "pixel_values", float of shape (2 * rows, 3, size, size)."""
        progressive = self.views.progressive_crops and stem_filters(self)  # a ViT has a fixed input size
        size = view_size(self.image_size, progress) if progressive else self.image_size
        colours = mean_and_spread(prepared.processor, torch.empty(0, device=batch["image"].device))
        return {"pixel_values": two_crops(batch["image"], keys, self.views, size, colours)}

    def augmented(self, batch: dict[str, Tensor], keys: Tensor | None, prepared: Prepared) -> dict[str, Tensor]:
        """Return random crops, mirrored half of the time; without keys, whole images."""
        images = as_float(batch["image"])
        if keys is not None:
            mirrored = 0.5 if self.views.mirror else 0.0
            images = crop_and_flip(images, keys, images.shape[-1], SMALLEST_AREA, mirrored)
        return {"pixel_values": self.normalise(images, prepared)}

    def cropped(self, batch: dict[str, Tensor], keys: Tensor, smallest_area: float) -> Tensor:
        """Return random crops, mirrored half of the time: float in [0, 1], shape (rows, 3, size, size)."""
        return crop_and_flip(as_float(batch["image"]), keys, self.image_size, smallest_area)

    def encoder(self, prepared: Prepared, seed: int) -> Any:
        """Return a convolutional encoder, a ViT, or any named model."""
        return encoder_model(self, prepared.statistics, seed)

    def hidden_width(self, encoder: Any) -> int:
        """Return the number of channels of an encoder, which few configurations state alike."""
        named = self.config_name or self.model_name_or_path
        return blank_grid(encoder, self.image_size).shape[2] if named else super().hidden_width(encoder)

    def pool(self, output: Any, inputs: dict[str, Tensor]) -> Tensor:
        """Return the mean over the places of each image."""
        return self.places(output, inputs).float().mean(1)

    def places(self, output: Any, inputs: dict[str, Tensor]) -> Tensor:
        """Return the hidden states of all places of each image: (rows, places, channels)."""
        del inputs
        return grid_of(output.last_hidden_state)

    def count_places(self, encoder: Any) -> int:
        """Return the number of places that an encoder has for an image."""
        return blank_grid(encoder, self.image_size).shape[1]

    def classifier(self, prepared: Prepared, names: list[str], seed: int, folder: Path | None, trained: bool) -> Any:
        """Return a ``...ForImageClassification``."""
        if folder is None:
            return classifier_model(self, names, prepared.statistics, seed)
        return classifier_like(folder, names, prepared.statistics, seed, trained)

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[np.ndarray],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = no_progress,
    ) -> dict[str, np.ndarray]:
        """Return mean-pooled hidden states of the middle layer and the last."""
        return embed_images(model, inputs, lambda images: self.normalise(images, prepared), autocast, progress)

    def baselines(self, seed: int) -> list[Baseline]:
        """Return pixels, their whitened components, and patch k-means."""
        return [Pixels(seed), WhitenedPixels(seed), PatchKmeans(seed)]

    @classmethod
    def adopt(cls, encoder: Any, folder: Path, name: str) -> tuple[dict[str, Any], Any] | None:
        """Accept any vision transformer for square colour images."""
        return processor.adopt(encoder, folder, name)

    def fillers(self, runs: Sequence[Any]) -> dict[str, Any]:
        """Return models that fill in hidden patches."""
        return masked_patches.fillers(runs)


MODALITY = Images
