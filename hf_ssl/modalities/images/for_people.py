"""Images for display and upload: PNG files, data URLs and thumbnails."""

from __future__ import annotations

import base64
import binascii
import io
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import MOST_UPLOADED
from hf_ssl.modalities.images.decoding import BadImageError, Range, decode_image
from hf_ssl.modalities.shown import Shown

HEADER = "data:image/png;base64,"
LONGEST_ADDRESS = 2_000_000  # characters of an image in a request
MOST_PIXELS = 40_000_000  # of an uploaded file
MOST_SENT = 1_000_000  # pixels of an image in a request; the page sends them at the size of the models
THUMBNAIL = 28  # pixels per side
COLUMNS = 25
MASK_RATIO = 0.5
QUALITY = 80  # of the combined image of all thumbnails
USUAL_PATCH = 4  # pixels per side, unless a model has another size
_decoding = threading.Lock()  # large images need much memory: decode one at a time


class ShownImages(Shown):
    """Images in reports and in the demo."""

    rows_name = "images"
    image_size: int

    @property
    def scale(self) -> Range | None:
        """Return the range of pixels of more than 8 bits; the modality knows it."""
        raise NotImplementedError

    def shown(self, value: np.ndarray) -> dict[str, Any]:
        """Return an image as a data URL."""
        return {"image": picture_address(value)}

    def excerpt(self, value: np.ndarray) -> dict[str, str]:
        """Return nothing: an image has no excerpt."""
        del value
        return {}

    def asked(self, value: Any) -> np.ndarray:
        """Return the pixels of a data URL."""
        return read_address(value, self.image_size)

    def uploaded(self, data: bytes) -> np.ndarray:
        """Return the pixels of an image file."""
        return open_picture(data, self.image_size, self.scale)

    def to_column(self, inputs: Sequence[np.ndarray]) -> pa.Array:
        """Return images as PNG files."""
        return pa.array([png(image) for image in inputs], pa.binary())

    def from_column(self, column: pa.ChunkedArray) -> list[np.ndarray]:
        """Return the images of PNG files."""
        return from_png(column.to_pylist())

    def page(self, inputs: Sequence[np.ndarray], fillers: dict[str, Any]) -> dict[str, Any]:
        """Return the data of the image panel: thumbnails, and the size of the patches to hide."""
        patch = next((filler.patch_size for filler in fillers.values()), USUAL_PATCH)
        return {
            "sprite": _sprite(inputs),
            "columns": COLUMNS,
            "image_size": self.image_size,
            "patch_size": int(patch),
            "mask_ratio": MASK_RATIO,
            "first": 0,
        }


def png(image: np.ndarray) -> bytes:
    """Encode uint8 pixels, shape (height, width, 3), as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def from_png(files: Sequence[bytes]) -> list[np.ndarray]:
    """Decode files that were made by `png`."""
    return [np.asarray(Image.open(io.BytesIO(file), formats=("PNG",)).convert("RGB")) for file in files]


def picture_address(image: np.ndarray) -> str:
    """Return an image as a data URL."""
    return HEADER + base64.b64encode(png(image)).decode()


def open_picture(data: bytes, size: int, scale: Range | None = None, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Decode an untrusted image file to uint8 pixels of shape (size, size, 3).

    Raises:
        UserError: if it is not an image, or is too large.
    """
    if len(data) > MOST_UPLOADED:
        raise UserError(
            f"the file has {len(data) / 2**20:.1f} MB; at most {MOST_UPLOADED // 2**20} MB are allowed, so choose another"
        )
    try:
        with _decoding:
            return decode_image(data, size, scale, most_pixels)
    except BadImageError as error:
        raise UserError(f"this file gives no picture: {error}; choose another one") from error


def read_address(address: Any, size: int) -> np.ndarray:
    """Decode the image of a data URL; see `open_picture`."""
    if not isinstance(address, str) or not address.startswith(HEADER) or len(address) > LONGEST_ADDRESS:
        raise UserError(f"the image must begin with {HEADER} and have at most {LONGEST_ADDRESS:,} characters")
    try:
        data = base64.b64decode(address.removeprefix(HEADER), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UserError("the image is not a valid data URL; open it again") from error
    return open_picture(data, size, most_pixels=MOST_SENT)


def _sprite(images: Sequence[np.ndarray]) -> str:
    """Combine all thumbnails in one image and return it as a data URL."""
    lines = -(-len(images) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * THUMBNAIL, lines * THUMBNAIL))
    for place, image in enumerate(images):
        small = Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
        picture.paste(small, (place % COLUMNS * THUMBNAIL, place // COLUMNS * THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, "webp", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
