"""What bytes are, by their beginning: why they cannot be decoded as an image."""

from __future__ import annotations

import io
import struct
import warnings

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from hf_ssl.data.image_endings import HEIF_PACKAGE, decodes_heif

IMAGES = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"P4", b"P5", b"P6", b"P2", b"P3",
    b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51",
)  # fmt: skip
OTHERS = {
    b"8BPS": "a Photoshop file; save it as PNG",
    b"%PDF": "a PDF; render its pages to PNG",
    b"%!PS": "PostScript, which is a program and is not run; render it to PNG",
    b"<svg": "SVG; render it to PNG",
    b"\0\0\1\0": "an icon; save it as PNG",
    b"v/1\1": "OpenEXR; save it as 16-bit PNG",
    b"\0\0\0\x0cjP  ": "JPEG 2000 that this Pillow does not decode; convert it to PNG",
    b"\xff\x4f\xff\x51": "JPEG 2000 that this Pillow does not decode; convert it to PNG",
    b"\xff\x0a": "JPEG XL; convert it to PNG",
    b"\0\0\0\x0cJXL ": "JPEG XL; convert it to PNG",
    b"\x93NUMPY": "a NumPy array; save it as PNG or as a column of arrays",
    b"PK\3\4": "a zip archive; unpack it",
    b"\x1f\x8b": "compressed with gzip; unpack it",
}
TIFF = (b"II*\0", b"MM\0*")
SAMPLES, BITS = 277, 258  # TIFF tags: channels, bits of each


def looks_like_image(data: bytes) -> bool:
    """Return whether bytes begin like an image file, decodable or not."""
    return data.startswith(IMAGES) or data[4:8] == b"ftyp" or any(data.startswith(start) for start in OTHERS)


def format_of(data: bytes) -> str:
    """Return what bytes are that no decoder accepts, and what to do."""
    if data[4:8] == b"ftyp":
        brand = data[8:12].decode("ascii", "replace")
        if brand.startswith("avi"):
            return "AVIF that this Pillow does not decode; convert it to PNG"
        if decodes_heif():
            return "truncated or damaged"
        return f"HEIC, which needs the package {HEIF_PACKAGE} (pip install {HEIF_PACKAGE})"
    if data.startswith(TIFF):
        return _tiff(data)
    known = next((what for start, what in OTHERS.items() if data.startswith(start)), None)
    return known or "not an image"


def _tiff(data: bytes) -> str:
    try:
        directory = ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damage, which the reason names
            directory.load(file)
        channels, bits = directory.get(SAMPLES, 1), directory.get(BITS, (1,))
    except (SyntaxError, struct.error, OSError, ValueError, KeyError):
        return "truncated or damaged"
    return (
        f"a TIFF of {channels} channel(s) of {bits[0]} bits, which Pillow does not decode; save one or three channels"
    )
