"""The range of pixels of more than 8 bits: one for a data set, so that its images stay comparable."""

from __future__ import annotations

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Rows, unshuffled_blocks
from hf_ssl.modalities.images.decoding import BadImageError, Range, deep_pixels, is_eight_bit, upright_array
from hf_ssl.modalities.images.reading import ImageReader

LOOKED_AT = 512  # images
AT_ONCE = 32
PIXELS = 4096  # of an image
ROBUST = 99.0  # percentile that becomes white where the highest values are far above it: markers, dead pixels, stars
FAR = 4.0


def find_range(rows: Rows, reader: ImageReader) -> Range | None:
    """Return the values that become black and white; None if the first images have 8 bits.

    Args:
        rows: rows with images as files or arrays.
        reader: reads their contents.

    Raises:
        UserError: if all pixels are equal.
    """
    found: list[np.ndarray] = []
    seen = 0
    for block in unshuffled_blocks(rows, size=AT_ONCE):
        contents, _ = reader.contents(block)
        found += [pixels for _, value in contents if (pixels := _deep(value)) is not None]
        seen += len(block.rows)
        if seen >= LOOKED_AT or not found:
            break
    if not found:
        return None
    values = np.concatenate(found)
    low, high, robust = (float(value) for value in (values.min(), values.max(), np.percentile(values, ROBUST)))
    if low == high:
        raise UserError(f"the images in column '{reader.column}' have no spread: all of their pixels are {low:g}")
    far = robust > low and high - low > FAR * (robust - low)
    return low, robust if far else high


def _deep(value: object) -> np.ndarray | None:
    """Return finite pixels of an image of more than 8 bits."""
    try:
        if isinstance(value, bytes):
            pixels = deep_pixels(value)
        else:
            array = upright_array(value)
            pixels = None if is_eight_bit(array) else array.astype(np.float64)
    except BadImageError:  # counted when it is read
        return None
    if pixels is None:
        return None
    flat = pixels[np.isfinite(pixels)]
    return flat[:: max(1, len(flat) // PIXELS)] if len(flat) else None
