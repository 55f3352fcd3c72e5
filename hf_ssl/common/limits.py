"""Limits on requests: invalid input is rejected with a one-sentence error before it reaches a model."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from hf_ssl.common.errors import UserError

MOST_CHARACTERS = 2000
MOST_MASKS = 16
MOST_CANDIDATES = 20
MOST_UPLOADED = 10 * 2**20  # bytes of a file
LONGEST_SHOWN = 40  # characters of a rejected value quoted in an error message


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """Return the value as a whole number from ``least`` to ``most``.

    Raises:
        UserError: if it is not one.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= most and value == int(value)):  # NaN and infinity are in no range
        raise UserError(f"{name} must be a whole number from {least} to {most}, not {_shown(value)}")
    return int(value)


def one_of(name: str, value: Any, options: Iterable[str]) -> str:
    """Return the value, if it is one of the options.

    Raises:
        UserError: if it is not one of them.
    """
    known = list(options)
    if not isinstance(value, str) or value not in known:
        raise UserError(f"there is no {name} {_shown(value)}; there are: {', '.join(known) or 'none'}")
    return value


def some_text(value: Any) -> str:
    """Return a text of at most 2,000 characters, without NUL and other control characters.

    Raises:
        UserError: if the text is missing, empty or too long.
    """
    if not isinstance(value, str):
        raise UserError(f"the text must be a string, not {_shown(value)}")
    if len(value) > MOST_CHARACTERS:
        raise UserError(f"the text has {len(value):,} characters; at most {MOST_CHARACTERS:,} are allowed; shorten it")
    value = value.replace("\r\n", "\n").replace("\r", "\n")  # as sent by text boxes
    kept = "".join(" " if unicodedata.category(sign) == "Cc" and sign not in "\n\t" else sign for sign in value)
    # Unpaired surrogates cannot be encoded.
    kept = kept.encode("utf-8", "replace").decode()
    if not kept.strip():
        raise UserError("there is no text; type a sentence")
    return kept


def places(name: str, value: Any, count: int) -> list[int]:
    """Return the sorted, unique indices of items to hide, from 0 to ``count`` - 1.

    Raises:
        UserError: if an index is out of range or the list is too long.
    """
    if not isinstance(value, list | tuple):
        raise UserError(f"{name} must be a list of numbers, not {_shown(value)}")
    if len(value) > count:
        raise UserError(f"{name} has {len(value):,} numbers for {count:,} places; list each once")
    return sorted({whole_number(f"each of {name}", place, 0, count - 1) for place in value})


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
