"""The image modality: each row is an image file."""

from __future__ import annotations

from hf_ssl.modalities.images.flags import ImageFlags, ImageViews

FLAGS, VIEWS = ImageFlags, ImageViews
