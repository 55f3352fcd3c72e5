"""Endings of image files that can be decoded here."""

from __future__ import annotations


def image_endings() -> frozenset[str]:
    """Return the endings, in lower case and with their dot, of the image files that can be decoded."""
    return frozenset(
        {
            ".png",
            ".jpg",
            ".jpeg",
            ".jpe",
            ".jfif",
            ".webp",
            ".gif",
            ".bmp",
            ".tif",
            ".tiff",
            ".ppm",
            ".pgm",
            ".pbm",
            ".pnm",
        }
    )


def undecodable(ending: str) -> str | None:
    """Return why image files of an ending cannot be decoded; None for other endings."""
    return (
        f"{ending.lstrip('.').upper()} cannot be decoded; convert it to PNG" if ending in (".heic", ".heif") else None
    )
