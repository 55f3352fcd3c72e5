"""What may be asked: anything else is refused in one sentence, before a model sees it."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from hf_ssl.errors import UserError

MOST_CHARACTERS = 2000
MOST_MASKS = 16
MOST_CANDIDATES = 20
LONGEST_SHOWN = 40  # characters of what was asked, in a sentence


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """The value as a whole number from ``least`` to ``most``.

    Raises:
        UserError: if it is none.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= most and value == int(value)):  # NaN and infinity are in no range
        raise UserError(f"{name} must be a whole number from {least} to {most}, not {_shown(value)}")
    return int(value)


def one_of(name: str, value: Any, options: Iterable[str]) -> str:
    """The value, if it is one of the options.

    Raises:
        UserError: if it is none of them.
    """
    known = list(options)
    if not isinstance(value, str) or value not in known:
        raise UserError(f"there is no {name} {_shown(value)}; there are: {', '.join(known) or 'none'}")
    return value


def some_text(value: Any) -> str:
    """A text of at most 2,000 characters, without NUL and other control characters.

    Raises:
        UserError: if there is no text, or too much of it.
    """
    if not isinstance(value, str):
        raise UserError(f"the text must be text, not {_shown(value)}")
    if len(value) > MOST_CHARACTERS:
        raise UserError(f"the text has {len(value):,} characters; at most {MOST_CHARACTERS:,} are taken, so shorten it")
    value = value.replace("\r\n", "\n").replace("\r", "\n")  # as text boxes have them
    kept = "".join(" " if unicodedata.category(sign) == "Cc" and sign not in "\n\t" else sign for sign in value)
    # Halves of signs that came apart cannot be written anywhere.
    kept = kept.encode("utf-8", "replace").decode()
    if not kept.strip():
        raise UserError("there is no text; type a sentence")
    return kept


def places(name: str, value: Any, count: int) -> list[int]:
    """Numbers of things to hide, sorted, each once, from 0 to ``count`` - 1.

    Raises:
        UserError: if one of them is not there.
    """
    if not isinstance(value, list | tuple):
        raise UserError(f"{name} must be a list of numbers, not {_shown(value)}")
    if len(value) > count:
        raise UserError(f"{name} has {len(value):,} numbers for {count:,} places; name each once")
    return sorted({whole_number(f"each of {name}", place, 0, count - 1) for place in value})


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
