"""Decoding of image files to pixels of one size and format, or a reason for failure."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS = 64_000_000  # of a file; checked in its header, before allocating memory
FEWEST_PIXELS = 2  # per side
# Only formats that just read pixels; others run programs (EPS) or open more files.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
# PIL's own limit is higher and only gives a warning; the limit above applies first.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class BadImageError(Exception):
    """An image file cannot be used; the message is a short reason."""


def decode_image(data: bytes, size: int, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Decode an image file to a square of colour pixels.

    The shorter side is scaled to ``size`` (bilinear, antialiased) and the centre cropped, as image processors do. Grey,
    palette, CMYK and 16-bit pixels become 8-bit colours, transparent pixels become white, EXIF rotation is undone, and the
    first frame of an animation is used.

    Args:
        data: content of a file.
        size: pixels per side.
        most_pixels: maximum number of pixels in the file.

    Returns:
        uint8, shape (size, size, 3).

    Raises:
        BadImageError: if it holds no image, or one that is too large or too small.
    """
    if not data:
        raise BadImageError("empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise BadImageError(f"more than {most_pixels // 10**6} million pixels")
            if min(image.size) < FEWEST_PIXELS:
                raise BadImageError("a single pixel wide or high")
            image.draft("RGB", (size, size))  # a large JPEG need not be decoded at full size
            return np.asarray(_fit(_upright(image), size))
    except UnidentifiedImageError as error:
        raise BadImageError("not an image") from error
    except Image.DecompressionBombError as error:
        raise BadImageError(f"more than {most_pixels // 10**6} million pixels") from error
    except Exception as error:  # what broken files raise: OSError, SyntaxError, ValueError, struct.error, ...
        if isinstance(error, BadImageError | MemoryError):
            raise
        raise BadImageError("truncated or damaged") from error


def _upright(image: Image.Image) -> Image.Image:
    """Undo EXIF rotation, if there is any."""
    return ImageOps.exif_transpose(image) if "exif" in image.info or image.format == "TIFF" else image


def _fit(image: Image.Image, size: int) -> Image.Image:
    coloured = _coloured(image)
    if coloured.size == (size, size):
        return coloured
    return ImageOps.fit(coloured, (size, size), method=Image.Resampling.BILINEAR)


def _coloured(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):  # without a fixed range: the brightest pixel becomes white
        values = np.nan_to_num(np.asarray(image, np.float64)).clip(min=0)
        return Image.fromarray((values * (255 / max(values.max(), 1e-12))).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
