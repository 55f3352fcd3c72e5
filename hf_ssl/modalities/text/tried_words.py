"""The first sentence of the demo, and how often a model puts the right word first: held-out rows in a fixed order, none chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hf_ssl.modalities.text.masked_words import MaskedWords
from hf_ssl.modalities.text.words import MASK, split_words

WORDS = 30  # of a row, from its start
ROWS = 100  # one word of each is hidden


def beginning(text: str) -> str:
    """Return the first words of a text, in one line."""
    words = split_words(" ".join(text.replace(MASK, " ").split()))[:WORDS]
    return "".join(word.before + word.text for word in words)


def word_to_hide(filler: MaskedWords, text: str) -> int | None:
    """Return the index of the word nearest the middle that is one token of letters for the model; None if there is none."""
    words = split_words(text)
    middle = len(words) / 2
    for place in sorted(range(len(words)), key=lambda place: abs(place - middle)):
        if words[place].text.isalpha() and filler.is_one_token(words, place):
            return place
    return None


def first_sentence(filler: MaskedWords | None, inputs: Sequence[str]) -> dict[str, Any] | None:
    """Return the first of the rows in which a word can be hidden: "text", and "hidden", its span in UTF-16 units, as the page counts."""
    if filler is None:
        return None
    for value in inputs[:ROWS]:
        text = beginning(value)
        place = word_to_hide(filler, text)
        if place is not None:
            words = split_words(text)
            begin = "".join(word.before + word.text for word in words[:place]) + words[place].before
            before, long = (len(part.encode("utf-16-le")) // 2 for part in (begin, words[place].text))
            return {"text": text, "hidden": [{"begin": before, "end": before + long}]}
    return None


def right_first(filler: MaskedWords, inputs: Sequence[str]) -> dict[str, int]:
    """Return in how many rows the model puts the hidden word first: "right", of "rows"."""
    right = rows = 0
    for value in inputs[:ROWS]:
        text = beginning(value)
        place = word_to_hide(filler, text)
        if place is None:
            continue
        for said in filler.fill(text, [place], 1)["predictions"]:  # none where the model takes fewer words
            rows += 1
            right += said["was_rank"] == 1
    return {"right": right, "rows": rows}
