"""Rows of images: which column, which range of pixels, and doubts about their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import print_once
from hf_ssl.data.columns import check_column
from hf_ssl.data.rows import Rows
from hf_ssl.modalities.images.decoding import Range
from hf_ssl.modalities.images.flags import ImageFlags
from hf_ssl.modalities.images.image_column import columns_of_images, image_column
from hf_ssl.modalities.images.pixel_range import find_range
from hf_ssl.modalities.images.reading import ImageReader

FLAT = 0.01  # share of images of one colour that is worth a warning
CLIPPED = 0.005  # share of pixels at the top of the range, likewise
FEWEST_GREYS = 1.0  # grey levels: smaller spreads are nothing to learn from


@dataclass(frozen=True)
class ImageRows(ImageFlags):
    """The part of the image modality that knows rows."""

    @classmethod
    def recognises(cls, table: pa.Table) -> bool:
        """Return whether there is a column of images."""
        return bool(columns_of_images(table))

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the image column, once it is resolved."""
        assert self.image_column is not None, "for_columns comes first"
        return (self.image_column,)

    def for_columns(self, table: pa.Table, dataset: str, label_column: str | None = None) -> Self:
        """Use the named column, or the likeliest one that holds images."""
        del label_column
        check_column(table, "image_column", self.image_column, dataset)
        column, others = image_column(table, self.image_column, dataset)
        if self.image_column is None and others:
            print_once(
                f"images are read from column '{column}' and not from {', '.join(others)} (--image_column chooses)"
            )
        return replace(self, image_column=column)

    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> ImageReader:
        """Return a reader that decodes the images of rows."""
        return ImageReader(self.columns[0], self.image_size, held_out, strict, self.scale)

    def for_values(self, rows: Rows) -> Self:
        """Find the range of pixels of more than 8 bits, unless it was given."""
        return self if self.scale is not None else self.with_scale(find_range(rows, self.reader()))

    def with_scale(self, scale: Range | None) -> Self:
        """Return this modality with a range of pixels, if there is one."""
        return self if scale is None else replace(self, lowest_pixel=scale[0], highest_pixel=scale[1])

    def warnings_about(self, inputs: Sequence[np.ndarray]) -> list[str]:
        """Return doubts about images of one colour, and about pixels outside the range."""
        means, spreads = (np.array([function(image) for image in inputs]) for function in (np.mean, np.std))
        flat = float(np.mean(spreads == 0))
        alike = len(inputs) > 1 and all(np.array_equal(image, inputs[0]) for image in inputs[1:])
        spread = float(np.sqrt(np.mean(spreads**2) + np.var(means)))  # of all pixels
        what = None
        if flat == 1:
            what = "the images have no spread: each is of one colour"
        elif alike:
            what = "all images are the same"
        elif spread < FEWEST_GREYS:
            what = "the images have almost no spread"
        if what is not None:
            lowest, highest = min(image.min() for image in inputs), max(image.max() for image in inputs)
            raise UserError(
                f"{what} in column '{self.columns[0]}' (pixels lie between {lowest} and {highest} of 255); nothing can be learned "
                "from them; check the files: of 8 bits, values should reach from 0 to 255, and of more, --lowest_pixel and "
                "--highest_pixel choose the range"
            )
        found = []
        if self.scale is not None:
            low, high = self.scale
            found.append(f"pixels have more than 8 bits: values from {low:g} to {high:g} become 0 to 255")
            bright = float(np.mean([np.mean(image == 255) for image in inputs]))
            if bright > CLIPPED:
                found.append(
                    f"{bright:.1%} of the pixels lie at the top of that range or above it, where they are clipped"
                )
        if flat > FLAT:
            found.append(f"{flat:.0%} of the images are of one colour")
        return found
