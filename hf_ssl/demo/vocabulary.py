"""Tokens as people read them."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from hf_ssl.demo.words import Sentence

BEGINS = ("Ġ", "▁")  # of tokens that begin a word, in byte-level and sentence-piece vocabularies
CONTINUES = "##"  # in WordPiece


class Vocabulary:
    """A fast tokenizer, used by several threads at once: nothing is set, only read."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Take a tokenizer.

        Args:
            tokenizer: a fast one; what it cuts and pads by itself is switched off.
        """
        self.tokenizer = tokenizer
        self.backend = tokenizer.backend_tokenizer
        self.backend.no_truncation()
        self.backend.no_padding()

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Token ids, with the special tokens that a model expects around them or without."""
        return list(self.backend.encode(text, add_special_tokens=special).ids)

    def encode_words(self, sentence: Sentence) -> tuple[list[int], list[list[int]]]:
        """Token ids of a sentence, and for each of its words the positions of its tokens.

        A token that holds the end of one word and the beginning of another belongs to the latter.
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
        """The most probable tokens but special ones.

        Args:
            probabilities: shape (vocabulary,).
            count: how many.

        Returns:
            The best first: "text", "probability", and "part": whether it is a piece within a word.
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
        """What a token stands for, without white space around it."""
        text = self.backend.decode([token], skip_special_tokens=False).strip()
        return text.removeprefix(CONTINUES) or "␣"

    def is_part(self, token: int) -> bool:
        """Whether a token goes on with a word that another one began."""
        name = self.backend.id_to_token(token) or ""
        if name.startswith(CONTINUES) and len(name) > len(CONTINUES):
            return True
        return self._marks_beginnings and not name.startswith(BEGINS) and self.text_of(token).isalnum()
