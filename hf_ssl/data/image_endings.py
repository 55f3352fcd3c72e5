"""Endings of image files that can be decoded here."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from PIL import features

ALWAYS = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip
AVIF = (".avif",)
JPEG_2000 = (".jp2", ".j2k", ".jpx", ".jpc")
HEIF = (".heic", ".heif", ".hif")
NEVER = (".psd", ".ico", ".tga", ".svg", ".eps", ".raw", ".cr2", ".nef", ".arw", ".dng", ".exr", ".hdr", ".jxl", ".xcf")
HEIF_PACKAGE = "pillow-heif"


def decodes_heif() -> bool:
    """Return whether the package that decodes HEIC is installed."""
    return find_spec("pillow_heif") is not None


@cache
def image_endings() -> frozenset[str]:
    """Return the endings, in lower case and with their dot, of the image files that can be decoded."""
    found = set(ALWAYS)
    found |= set(AVIF) if features.check("avif") else set()
    found |= set(JPEG_2000) if features.check("jpg_2000") else set()
    found |= set(HEIF) if decodes_heif() else set()
    return frozenset(found)


def undecodable(ending: str) -> str | None:
    """Return why image files of an ending cannot be decoded; None for other endings."""
    if ending in image_endings() or ending not in (*AVIF, *JPEG_2000, *HEIF, *NEVER):
        return None
    if ending in HEIF:
        return f"{ending} needs the package {HEIF_PACKAGE} (pip install {HEIF_PACKAGE})"
    if ending in (*AVIF, *JPEG_2000):
        return f"{ending} needs a build of Pillow that decodes it"
    return f"{ending} is an image format that is not decoded; convert it to PNG"
