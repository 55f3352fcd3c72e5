"""The part of a card that belongs to its owner."""

import re

from hf_ssl.errors import UserError

BEGIN = "<!-- Yours: what stands between these two lines is kept when the card is written anew. -->"
END = "<!-- End of yours. -->"


def notes_of(card: str) -> str:
    """What a person wrote between the marked lines at the end of a card; empty where there is none.

    Raises:
        UserError: if only one of the lines is there: what was written would be lost.
    """
    lines = card.splitlines(keepends=True)
    begins, ends = ([number for number, line in enumerate(lines) if line.strip() == mark] for mark in (BEGIN, END))
    if not begins and not ends:
        return ""
    if not begins or not ends or ends[-1] < begins[-1]:
        raise UserError(
            f"the card has lost one of the lines '{BEGIN}' and '{END}'; put it back, around what is to be kept"
        )
    return "".join(lines[begins[-1] + 1 : ends[-1]]).strip("\n")


def whole_body(card: str) -> str:
    """A card that a person wrote, without its metadata."""
    return re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.S).strip("\n")


def marked(notes: str) -> str:
    """The marked lines with notes between them, the end of a card."""
    return f"{BEGIN}\n\n{notes}\n\n{END}\n" if notes else f"{BEGIN}\n\n{END}\n"
