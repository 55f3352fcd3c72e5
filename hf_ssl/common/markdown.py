"""Escape untrusted text for Markdown."""

from __future__ import annotations

import re

from markupsafe import Markup


def code_span(value: object) -> Markup:
    """Return any text as a code span that none of its characters can close, even in a table cell."""
    plain = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return Markup(f"`{plain}`" if plain else "")  # noqa: S704 - a code span contains no markup


def plain_text(value: object) -> Markup:
    """Return any text with all characters that are special in Markdown or HTML escaped."""
    return Markup(re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", " ".join(str(value).split())))  # noqa: S704 - escaped
