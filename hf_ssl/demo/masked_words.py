"""Words that are hidden, and what a masked language model would put there."""

import math
import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from hf_ssl.demo.limits import MOST_CANDIDATES, MOST_MASKS, places, some_text, whole_number
from hf_ssl.demo.vocabulary import Vocabulary
from hf_ssl.demo.words import MASK, Word, join_words, split_words
from hf_ssl.errors import UserError
from hf_ssl.models.sparse_prediction import only_at

ROWS_AT_ONCE = 32


class MaskedWords:
    """A masked language model that is asked for words; safe to be asked by several threads."""

    kind = "masked"

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, longest: int) -> None:
        """Take a model.

        Args:
            model: a ``...ForMaskedLM``.
            tokenizer: fast, with a mask token.
            longest: tokens that the model takes at once.
        """
        self.model = model.eval()
        self.vocabulary = Vocabulary(tokenizer)
        self.longest = longest
        self.gap = str(tokenizer.mask_token)
        self.mask = int(tokenizer.mask_token_id)
        self._lock = threading.Lock()

    def fill(self, text: Any, hidden: Any, top_k: Any) -> dict[str, Any]:
        """Predict hidden words.

        Args:
            text: with or without ``[MASK]``.
            hidden: numbers of the words to hide.
            top_k: candidates for each.

        Returns:
            "words", "predictions" and "note"; see `hf_ssl.demo.demo.Demo.fill`.

        Raises:
            UserError: if the text, the words or top_k cannot be taken.
        """
        words, note = self._words(text)
        top_k = whole_number("top_k", top_k, 1, MOST_CANDIDATES)
        gone = set(places("hidden", hidden, len(words))) if hidden else set()
        gaps = [place for place, word in enumerate(words) if place in gone or word.is_mask]
        _check_gaps(len(gaps))
        return {
            "words": [
                {"text": word.text, "before": word.before, "hidden": place in gone, "mask": word.is_mask}
                for place, word in enumerate(words)
            ],
            "predictions": self._predictions(words, gone, gaps, top_k) if gaps else [],
            "note": note,
        }

    def surprise(self, text: Any) -> dict[str, Any]:
        """How unexpected each word is when it alone is hidden (Salazar et al. 2020).

        A word of several tokens is hidden whole; each of its tokens is then asked for with the others hidden.

        Returns:
            "words" ("text", "before", "bits": -log2 of its probability, None for typed masks) and "note".

        Raises:
            UserError: if the text cannot be taken.
        """
        words, note = self._words(text)
        rows: list[list[int]] = []
        asked: list[tuple[int, list[int]]] = []
        for place, word in enumerate(words):
            tokens = self.vocabulary.encode(word.before[-1:] + word.text, special=False)
            if word.is_mask or not tokens:
                continue
            ids = self.vocabulary.encode(join_words(words, {place}, self.gap))
            number = sum(earlier.is_mask for earlier in words[:place])
            at = [position for position, token in enumerate(ids) if token == self.mask][number]
            rows.append([*ids[:at], *[self.mask] * len(tokens), *ids[at + 1 :]][: self.longest])
            asked.append((at, tokens))
        bits: list[float | None] = [None] * len(words)
        known = [place for place, word in enumerate(words) if not word.is_mask]
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[begin : begin + ROWS_AT_ONCE]
            few = asked[begin : begin + ROWS_AT_ONCE]
            wanted = [tokens[: max(0, len(row) - at)] for row, (at, tokens) in zip(part, few, strict=True)]
            positions = [list(range(at, at + len(tokens))) for (at, _), tokens in zip(few, wanted, strict=True)]
            logarithms = self._logits(part, positions).log_softmax(1)
            every = torch.tensor([token for tokens in wanted for token in tokens])
            found = logarithms.gather(1, every[:, None])[:, 0].split([len(tokens) for tokens in wanted])
            for row, each in enumerate(found):
                bits[known[begin + row]] = -float(each.sum()) / math.log(2)
        shown = [{"text": word.text, "before": word.before, "bits": bit} for word, bit in zip(words, bits, strict=True)]
        return {"words": shown, "note": note}

    def _words(self, text: Any) -> tuple[list[Word], str | None]:
        """The words that the model has room for, and a sentence if those are not all."""
        words = split_words(some_text(text).replace(self.gap, MASK))
        if not words:
            raise UserError("there are no words in this text; type a sentence")
        _check_gaps(sum(word.is_mask for word in words))
        fewest, most = 0, len(words)
        while fewest < most:  # the longest beginning that fits
            middle = (fewest + most + 1) // 2
            fits = len(self.vocabulary.encode(join_words(words[:middle], set(), self.gap))) <= self.longest
            fewest, most = (middle, most) if fits else (fewest, middle - 1)
        if fewest == len(words):
            return words, None
        if not fewest:
            raise UserError("the first word is longer than the model takes; type a shorter one")
        return words[:fewest], f"the model takes {self.longest} tokens: the first {fewest} of {len(words)} words"

    def _predictions(self, words: list[Word], gone: set[int], gaps: list[int], top_k: int) -> list[dict[str, Any]]:
        ids = self.vocabulary.encode(join_words(words, gone, self.gap))[: self.longest]
        at = [position for position, token in enumerate(ids) if token == self.mask]
        probabilities = self._logits([ids], [at]).softmax(1)
        return [
            {"word": place, **self._truth(words[place], row), "candidates": self.vocabulary.candidates(row, top_k)}
            for place, row in zip(gaps, probabilities, strict=False)
        ]

    def _truth(self, word: Word, probabilities: Tensor) -> dict[str, Any]:
        """What was there, and what the model thought of it."""
        nothing = {"was": None, "was_probability": None, "was_rank": None, "note": None}
        if word.is_mask:
            return nothing
        tokens = self.vocabulary.encode(word.before[-1:] + word.text, special=False)
        if len(tokens) != 1:
            note = f"“{word.text}” is {len(tokens)} pieces in this vocabulary; a gap holds one"
            return nothing | {"was": word.text, "note": note}
        probability = probabilities[tokens[0]]
        rank = 1 + int((probabilities > probability).sum())
        return nothing | {"was": word.text, "was_probability": float(probability), "was_rank": rank}

    def _logits(self, rows: Sequence[Sequence[int]], positions: Sequence[Sequence[int]]) -> Tensor:
        """What is said at some positions of each row: float32, shape (all positions, vocabulary)."""
        longest = max(map(len, rows))
        padding = self.vocabulary.tokenizer.pad_token_id or 0
        device = self.model.device
        tokens = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
        flat = [longest * row + place for row, places in enumerate(positions) for place in places]
        with self._lock, torch.inference_mode(), only_at(self.model, torch.tensor(flat, device=device)):
            return self.model(input_ids=tokens, attention_mask=mask).logits.flatten(0, -2).float().cpu()


def _check_gaps(count: int) -> None:
    if count > MOST_MASKS:
        raise UserError(f"{count} words are hidden; at most {MOST_MASKS} can be, so show some of them again")
