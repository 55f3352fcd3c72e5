"""Anybody's text inside Markdown."""

import re

from markupsafe import Markup


def code_span(value: object) -> Markup:
    """Any text as a code span that no character in it can end, in a table cell too."""
    plain = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return Markup(f"`{plain}`" if plain else "")  # noqa: S704 - inside a code span nothing is markup


def plain_text(value: object) -> Markup:
    """Any text as itself: what means something in Markdown or HTML is escaped."""
    return Markup(re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", " ".join(str(value).split())))  # noqa: S704 - escaped
