"""The text modality: each row is a document."""

from __future__ import annotations

from hf_ssl.modalities.text.flags import TextFlags, TextViews

FLAGS, VIEWS = TextFlags, TextViews
