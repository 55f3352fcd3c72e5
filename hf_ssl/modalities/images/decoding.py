"""Decoding of image files and arrays to pixels of one size and format, or a reason for failure."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hf_ssl.data.image_endings import decodes_heif
from hf_ssl.modalities.images.recognising import SAMPLES, format_of

MOST_PIXELS = 64_000_000  # of a file; checked in its header, before allocating memory
FEWEST_PIXELS = 2  # per side
# Only formats that just read pixels; others run programs (EPS) or open more files.
SAFE = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF")
DEEP = ("I", "F")  # modes of more than 8 bits, besides those that begin with I;16
DARK = 64  # of 255: colours of 16 bits whose lower bits matter
EXTRA_SAMPLES = 338  # TIFF tag that says what a fourth channel is
Range = tuple[float, float]
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it cannot read is reported as a reason
# PIL's own limit is higher and only gives a warning; the limit above applies first.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
if decodes_heif():
    import pillow_heif

    pillow_heif.register_heif_opener()
Image.init()
FORMATS = tuple(name for name in SAFE if name in Image.OPEN)


class BadImageError(Exception):
    """An image cannot be used; the message is a short reason."""


def decode_image(data: bytes, size: int, scale: Range | None = None, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Decode an image file to a square of colour pixels.

    The shorter side is scaled to ``size`` (bilinear, antialiased) and the centre cropped, as image processors do. Grey,
    palette and CMYK pixels become colours, transparent pixels become white, EXIF rotation is undone, and the first frame of
    an animation is used.

    Args:
        data: content of a file.
        size: pixels per side.
        scale: values of pixels of more than 8 bits that become black and white.
        most_pixels: maximum number of pixels in the file.

    Returns:
        uint8, shape (size, size, 3).

    Raises:
        BadImageError: if it holds no image, one that is too large or too small, or more than 8 bits without a scale.
    """
    with _Reasons(data, most_pixels), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check(image, most_pixels)
        loses_bits = _loses_bits(image)
        image.draft("RGB", (size, size))  # a large JPEG need not be decoded at full size
        pixels = np.asarray(_fit(_coloured(_upright(image), scale), size))
    if loses_bits and pixels.max() < DARK:
        raise BadImageError(TOO_DARK)
    return pixels


def deep_pixels(data: bytes, most_pixels: int = MOST_PIXELS) -> np.ndarray | None:
    """Return the pixels of an image file of more than 8 bits; None if it has 8 bits.

    Raises:
        BadImageError: see `decode_image`.
    """
    with _Reasons(data, most_pixels), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check(image, most_pixels)
        return np.asarray(image, np.float64) if _is_deep(image) else None


def convert_array(value: Any, size: int, scale: Range | None = None) -> np.ndarray:
    """Convert an array of pixels as `decode_image` does a file.

    Args:
        value: (height, width), (height, width, 1 or 3) or (1 or 3, height, width), integers or floats.
        size: pixels per side.
        scale: values that become black and white; without one, integers from 0 to 255 are taken as they are.

    Raises:
        BadImageError: if it is of another shape, or its range is not known.
    """
    pixels = upright_array(value)
    if scale is None and not is_eight_bit(pixels):
        raise BadImageError(NO_RANGE)
    if min(pixels.shape[:2]) < FEWEST_PIXELS:
        raise BadImageError("a single pixel wide or high")
    bright = pixels if scale is None else _scaled(pixels, scale)
    return np.asarray(_fit(Image.fromarray(bright.astype(np.uint8)).convert("RGB"), size))


TOO_DARK = "16-bit colours with small values, of which Pillow keeps the upper 8 bits; save them with 8 bits, or in grey"
NO_RANGE = "more than 8 bits, unlike the first rows, so that black and white are unknown; pass --lowest_pixel and --highest_pixel"


def is_eight_bit(pixels: np.ndarray) -> bool:
    """Return whether an array holds integers from 0 to 255."""
    return bool(np.issubdtype(pixels.dtype, np.integer) and pixels.min() >= 0 and pixels.max() <= 255)


def upright_array(value: Any) -> np.ndarray:
    """Return an array as (height, width) or (height, width, 3)."""
    try:
        pixels = np.asarray(value)
        if pixels.dtype == object:
            pixels = np.stack([np.stack([np.asarray(inner) for inner in row]) for row in pixels])
    except (ValueError, TypeError) as error:
        raise BadImageError("its rows differ in length") from error
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise BadImageError(f"an array of shape {pixels.shape}, not (height, width) with 1 or 3 channels")
    return pixels


class _Reasons:
    """Turns what broken files raise into reasons."""

    def __init__(self, data: bytes, most_pixels: int) -> None:
        self._data, self._most_pixels = data, most_pixels
        if not data:
            raise BadImageError("empty")

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, UnidentifiedImageError):
            raise BadImageError(format_of(self._data)) from error
        if isinstance(error, Image.DecompressionBombError):
            raise BadImageError(f"more than {self._most_pixels // 10**6} million pixels") from error
        # OSError, SyntaxError, ValueError, struct.error, ...
        if isinstance(error, Exception) and not isinstance(error, BadImageError | MemoryError):
            raise BadImageError("truncated or damaged") from error


def _check(image: Image.Image, most_pixels: int) -> None:
    if image.width * image.height > most_pixels:
        raise BadImageError(f"more than {most_pixels // 10**6} million pixels")
    if min(image.size) < FEWEST_PIXELS:
        raise BadImageError("a single pixel wide or high")
    tags: Any = getattr(image, "tag_v2", {})
    channels = int(tags.get(SAMPLES, 1))
    untold = channels > len(image.getbands()) or (image.mode == "RGBA" and EXTRA_SAMPLES not in tags)
    if image.format == "TIFF" and untold:
        raise BadImageError(f"a TIFF of {channels} channels that does not say what the last is; save three of them")


def _loses_bits(image: Image.Image) -> bool:
    """Return whether Pillow keeps the upper 8 of 16 bits of each colour; asked before its pixels are read."""
    tiles: Any = getattr(image, "tile", None) or [("", (), 0, "")]
    return image.format in ("PNG", "TIFF") and not _is_deep(image) and "16" in str(tiles[0][3])


def _upright(image: Image.Image) -> Image.Image:
    """Undo EXIF rotation, if there is any."""
    return ImageOps.exif_transpose(image) if "exif" in image.info or image.format == "TIFF" else image


def _fit(coloured: Image.Image, size: int) -> Image.Image:
    if coloured.size == (size, size):
        return coloured
    return ImageOps.fit(coloured, (size, size), method=Image.Resampling.BILINEAR)


def _is_deep(image: Image.Image) -> bool:
    return image.mode in DEEP or image.mode.startswith("I;16")


def _scaled(pixels: np.ndarray, scale: Range) -> np.ndarray:
    low, high = scale
    values = np.nan_to_num(np.asarray(pixels, np.float64), nan=low)
    return (values.clip(low, high) - low) * (255 / (high - low))


def _coloured(image: Image.Image, scale: Range | None) -> Image.Image:
    if image.mode == "RGB":
        return image
    if _is_deep(image):
        if scale is None:
            raise BadImageError(NO_RANGE)
        return Image.fromarray(_scaled(np.asarray(image), scale).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
