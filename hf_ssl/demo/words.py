"""A text as words that can be hidden one by one."""

from collections.abc import Collection
from dataclasses import dataclass

import regex

MASK = "[MASK]"
# A word, with its apostrophes and hyphens; a Chinese character; or signs that stand together.
WORD = regex.compile(
    r"\[MASK\]|\p{Han}"
    r"|[[\p{L}\p{M}\p{N}_]--\p{Han}]+(?:['’-][[\p{L}\p{M}\p{N}_]--\p{Han}]+)*"
    r"|(?:(?!\[MASK\])[^\s\p{L}\p{M}\p{N}_])+",
    regex.VERSION1,
)


@dataclass(frozen=True)
class Word:
    """A word or signs.

    Attributes:
        text: as written.
        before: white space in front of it.
    """

    text: str
    before: str

    @property
    def is_mask(self) -> bool:
        """Whether it was typed as a gap to be filled."""
        return self.text == MASK


@dataclass(frozen=True)
class Sentence:
    """Words written one after the other.

    Attributes:
        text: of all.
        spans: of each word: where it begins and ends in the text.
    """

    text: str
    spans: list[tuple[int, int]]


def split_words(text: str) -> list[Word]:
    """The words of a text: ``before`` and ``text`` of all, one after the other, are the text but for white space at its end."""
    words, end = [], 0
    for found in WORD.finditer(text):
        words.append(Word(found.group(), text[end : found.start()]))
        end = found.end()
    return words


def join_words(words: list[Word], hidden: Collection[int], gap: str) -> Sentence:
    """The words again, with ``gap`` in place of hidden ones and typed masks."""
    text, spans = "", []
    for place, word in enumerate(words):
        text += word.before
        begin = len(text)
        text += gap if place in hidden or word.is_mask else word.text
        spans.append((begin, len(text)))
    return Sentence(text, spans)
