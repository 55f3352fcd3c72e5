"""Splitting of texts into words that can be hidden one by one, and readable tokens."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import regex
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

MASK = "[MASK]"
# A word, with its apostrophes and hyphens; a Chinese character; or adjacent symbols.
WORD = regex.compile(
    r"\[MASK\]|\p{Han}"
    r"|[[\p{L}\p{M}\p{N}_]--\p{Han}]+(?:['’-][[\p{L}\p{M}\p{N}_]--\p{Han}]+)*"
    r"|(?:(?!\[MASK\])[^\s\p{L}\p{M}\p{N}_])+",
    regex.VERSION1,
)


@dataclass(frozen=True)
class Word:
    """A word or a run of symbols.

    Attributes:
        text: as written.
        before: white space before it.
    """

    text: str
    before: str

    @property
    def is_mask(self) -> bool:
        """Return whether it is a typed mask."""
        return self.text == MASK


@dataclass(frozen=True)
class Sentence:
    """Words joined to a text.

    Attributes:
        text: the whole text.
        spans: start and end of each word in the text.
    """

    text: str
    spans: list[tuple[int, int]]


def split_words(text: str) -> list[Word]:
    """Split a text into words whose joined ``before`` and ``text`` give the text, except for trailing white space."""
    words, end = [], 0
    for found in WORD.finditer(text):
        words.append(Word(found.group(), text[end : found.start()]))
        end = found.end()
    return words


def join_words(words: list[Word], hidden: Collection[int], gap: str) -> Sentence:
    """Join words to a sentence, with ``gap`` in place of hidden words and typed masks."""
    text, spans = "", []
    for place, word in enumerate(words):
        text += word.before
        begin = len(text)
        text += gap if place in hidden or word.is_mask else word.text
        spans.append((begin, len(text)))
    return Sentence(text, spans)


BEGINS = ("Ġ", "▁")  # prefix of tokens that start a word, in byte-level and SentencePiece vocabularies
CONTINUES = "##"  # in WordPiece


class Vocabulary:
    """A fast tokenizer that is only read after construction, so that it is thread-safe."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Wrap a tokenizer.

        Args:
            tokenizer: a fast one; its truncation and padding are switched off.
        """
        self.tokenizer = tokenizer
        self.backend = tokenizer.backend_tokenizer
        self.backend.no_truncation()
        self.backend.no_padding()

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Return the token ids of a text, with or without the special tokens that a model expects."""
        return list(self.backend.encode(text, add_special_tokens=special).ids)

    def encode_words(self, sentence: Sentence) -> tuple[list[int], list[list[int]]]:
        """Return the token ids of a sentence, and the token positions of each of its words.

        A token that spans the end of one word and the start of the next belongs to the latter.
        """
        found = self.backend.encode(sentence.text, add_special_tokens=True)
        positions: list[list[int]] = [[] for _ in sentence.spans]
        word = 0
        for position, (begin, end) in enumerate(found.offsets):
            if begin == end:  # a special token
                continue
            while word < len(sentence.spans) - 1 and sentence.spans[word][1] < end:
                word += 1
            positions[word].append(position)
        return list(found.ids), positions

    @cached_property
    def _marks_beginnings(self) -> bool:
        return any(token.startswith(BEGINS) for token in self.backend.get_vocab())

    def candidates(self, probabilities: Tensor, count: int) -> list[dict[str, Any]]:
        """Return the most probable tokens, without special ones.

        Args:
            probabilities: shape (vocabulary,).
            count: number of tokens.

        Returns:
            The tokens, best first: "text", "probability", and "part" (whether it continues a word).
        """
        special = set(self.tokenizer.all_special_ids)
        most = min(len(probabilities), len(self.tokenizer), count + len(special))
        best = torch.topk(probabilities[: len(self.tokenizer)], most)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [
            {"text": self.text_of(token), "probability": probability, "part": self.is_part(token)}
            for token, probability in pairs
            if token not in special
        ][:count]

    def text_of(self, token: int) -> str:
        """Return the text of a token, without surrounding white space."""
        text = self.backend.decode([token], skip_special_tokens=False).strip()
        return text.removeprefix(CONTINUES) or "␣"

    def is_part(self, token: int) -> bool:
        """Return whether a token continues a word."""
        name = self.backend.id_to_token(token) or ""
        if name.startswith(CONTINUES) and len(name) > len(CONTINUES):
            return True
        return self._marks_beginnings and not name.startswith(BEGINS) and self.text_of(token).isalnum()
