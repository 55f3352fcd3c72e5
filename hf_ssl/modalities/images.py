"""What all tasks on images share: the column, the size, the model, pixels, features, the baselines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from hf_ssl.errors import UserError
from hf_ssl.pretext.base import STATISTICS, Prepared, PretextTask

if TYPE_CHECKING:  # heavy, and not needed for --help
    import numpy as np
    import pyarrow as pa
    from torch import Tensor

    from hf_ssl.data.images import ImageEncoder, ImageRows
    from hf_ssl.data.stream import Sample


@dataclass(frozen=True)
class ImageTask(PretextTask):
    """Which images, which model."""

    unit: ClassVar[str] = "images"
    embedded: ClassVar[str] = "digits"
    pipeline: ClassVar[str] = "image-feature-extraction"
    most_skipped: ClassVar[float] = 0.2
    watched_rows: ClassVar[tuple[int, int]] = (2000, 500)
    training_defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 128,
        "embedding_learning_rate": 2e-3,
        "warmup_share": 0.1,
        "decay_share": 0.6,
    }
    learning_rates: ClassVar[dict[str, float]] = {"muon": 0.03, "adamw": 1e-3}

    image_column: str | None = field(
        default=None, metadata={"help": "Column that holds the images (default: the one that does)."}
    )
    image_size: int = field(
        default=32, metadata={"help": "Pixels a side: the shorter side is scaled to it and the middle cut out."}
    )
    patch_size: int = field(default=4, metadata={"help": "Pixels a side of a ViT's patches, or of what is hidden."})
    architecture: Literal["convolution", "vit"] = field(
        default="convolution",
        metadata={"help": "A small convolutional encoder, which learns faster on small budgets, or a ViT."},
    )
    model_size: Literal["tiny", "small", "base"] = field(default="tiny", metadata={"help": "Of the model."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size < 1 or self.image_size < 16:
            raise UserError(
                f"--patch_size must be at least 1 and --image_size at least 16, not {self.patch_size} and "
                f"{self.image_size}"
            )
        if self.image_size % self.patch_size:
            raise UserError(
                f"--image_size {self.image_size} is no multiple of --patch_size {self.patch_size}: "
                "the patches would not cover the image"
            )

    @property
    def block_rows(self) -> int:
        """Fewer of larger images, to bound memory."""
        return max(256, min(2048, 2**21 // self.image_size**2))

    @property
    def surveyed(self) -> int:
        """Images."""
        return min(4096, self._held)

    @property
    def measured_rows(self) -> tuple[int, int]:
        """As many as fit into a quarter of a gigabyte."""
        return min(25_000, self._held), min(6_000, self._held // 4)

    @property
    def _held(self) -> int:
        """Images in 256 MiB."""
        return int(2**28 // (3 * self.image_size**2))

    @property
    def column(self) -> str:
        """The image column, once it is settled."""
        assert self.image_column is not None, "for_columns comes first"
        return self.image_column

    def for_columns(self, table: "pa.Table", dataset: str) -> Self:
        """Find the column that holds images, or check the named one."""
        from hf_ssl.data.columns import check_column
        from hf_ssl.data.images import is_image_column

        check_column(table, "image_column", self.image_column, dataset)
        holding = [part.name for part in table.schema if is_image_column(part.type)]
        if self.image_column is not None:
            if self.image_column not in holding:
                kind = table.schema.field(self.image_column).type
                raise UserError(
                    f"column '{self.image_column}' of '{dataset}' holds {kind}, not images; name an image column with "
                    "--image_column"
                )
            return self
        if not holding:
            columns = ", ".join(f"{part.name} ({part.type})" for part in table.schema)
            raise UserError(
                f"'{dataset}' has no column of images but {columns}; name another data set or, for text, a task on text: "
                "contrastive_text, masked_language or causal_language"
            )
        return replace(self, image_column=holding[0])

    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> "ImageRows":
        """Rows -> image files."""
        from hf_ssl.data.images import ImageRows

        return ImageRows(self.column, self.image_size, held_out, strict)

    def size_of(self, value: bytes) -> int:
        """One image."""
        return 1

    def prepare(self, inputs: "list[np.ndarray]") -> Prepared:
        """An image processor with the data's own mean and spread, and what the task learns from the images.

        It does what reading does: colour, shorter side to size, the middle, 8 bits to numbers of mean 0 and variance 1.
        """
        import numpy as np
        import torch

        images = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2)
        pixels = torch.cat([part.double().flatten(2).mean(2) for part in images.split(512)]) / 255
        squares = torch.cat([part.double().square().flatten(2).mean(2) for part in images.split(512)]) / 255**2
        mean = pixels.mean(0)
        spread = (squares.mean(0) - mean**2).clamp(min=1e-6).sqrt()
        processor = image_processor(self.image_size, mean.tolist(), spread.tolist())
        prepared = Prepared(processor)
        return Prepared(processor, self.survey(self.normalise(images.float() / 255, prepared)))

    def survey(self, images: "Tensor") -> "dict[str, Tensor]":
        """What is learned from the first images (normalised) before any step."""
        from hf_ssl.data.patches import whitening_filters
        from hf_ssl.models.images import STEM, stem_filters

        count = stem_filters(self)
        return {STEM: whitening_filters(images[:2000], 4, count)} if count else {}

    def load_prepared(self, folder: Path) -> Prepared:
        """Read what `Prepared.save` wrote."""
        from safetensors.torch import load_file
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        return Prepared(CLIPImageProcessorPil.from_pretrained(folder), load_file(folder / STATISTICS))

    def encoder(self, prepared: Prepared, *, held_out: bool | None = None, strict: bool = False) -> "ImageEncoder":
        """Rows -> images of 8-bit pixels."""
        from hf_ssl.data.images import ImageEncoder

        return ImageEncoder(self.reader(held_out=held_out, strict=strict))

    def collate(self, samples: "list[Sample]") -> "dict[str, Tensor]":
        """Images -> {"image": uint8 of shape (rows, 3, size, size)}."""
        import numpy as np
        import torch

        stacked = torch.from_numpy(np.stack([sample.values["image"] for sample in samples]))
        return {"image": stacked.permute(0, 3, 1, 2)}

    def normalise(self, images: "Tensor", prepared: Prepared) -> "Tensor":
        """Numbers in [0, 1] -> about mean 0 and variance 1, as the processor does."""
        mean, spread = mean_and_spread(prepared, images)
        return (images - mean) / spread

    def shown(self, pixels: "Tensor", prepared: Prepared) -> "Tensor":
        """The opposite of `normalise`, for pictures."""
        mean, spread = mean_and_spread(prepared, pixels)
        return pixels * spread + mean

    def untrained(self, model: Any, prepared: Prepared, seed: int) -> Any:
        """The encoder with new weights; fixed filters stay."""
        from hf_ssl.models.images import untrained_like

        return untrained_like(self.product(model), prepared.statistics, seed)

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """Loss and, where something is classified, the share put first."""
        return score

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: "Sequence[np.ndarray]",
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = lambda _rows: None,
    ) -> "dict[str, np.ndarray]":
        """Mean-pooled hidden states of some layers."""
        from hf_ssl.evaluation.embed_images import embed_images

        return embed_images(model, inputs, lambda images: self.normalise(images, prepared), autocast, progress)

    def baselines(
        self, bank: "Sequence[np.ndarray]", test: "Sequence[np.ndarray]", prepared: Prepared, seed: int
    ) -> "dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]":
        """Pixels, their whitened principal components, and patch k-means."""
        from hf_ssl.evaluation.image_baselines import image_baselines

        return image_baselines(bank, test, seed)


def image_processor(size: int, mean: list[float], spread: list[float]) -> Any:
    """A stock one: the shorter side to ``size`` pixels, the middle, each colour less its mean by its spread."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        resample=2,  # bilinear
        image_mean=[round(value, 6) for value in mean],
        image_std=[round(value, 6) for value in spread],
    )


def mean_and_spread(prepared: Prepared, like: "Tensor") -> "tuple[Tensor, Tensor]":
    """Of each colour, as the processor has them, in the shape of images."""
    processor = prepared.processor
    mean, spread = (like.new_tensor(values)[:, None, None] for values in (processor.image_mean, processor.image_std))
    return mean, spread
