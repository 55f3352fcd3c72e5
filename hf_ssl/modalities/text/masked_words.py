"""Predictions of a masked language model for hidden words."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import MOST_CANDIDATES, MOST_MASKS, places, some_text, whole_number
from hf_ssl.modalities.text.sparse_prediction import logits_at
from hf_ssl.modalities.text.words import MASK, Vocabulary, Word, join_words, split_words

ROWS = 24  # maximum batch per text, to keep the response time short


class MaskedWords:
    """A masked language model that predicts hidden words; thread-safe."""

    kind = "masked"

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, longest: int) -> None:
        """Wrap a model.

        Args:
            model: a ``...ForMaskedLM``.
            tokenizer: fast, with a mask token.
            longest: maximum number of input tokens.
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
            hidden: indices of the words to hide.
            top_k: number of candidates for each.

        Returns:
            "words", "predictions", "rest" and "note"; see `hf_ssl.demo.demo.Demo.fill`.

        Raises:
            UserError: if the text, the words or top_k are invalid.
        """
        words, rest = self._words(text)
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
            **self._left_over(rest),
        }

    def is_one_token(self, words: list[Word], place: int) -> bool:
        """Return whether a word is one token where it stands, and is not beyond what the model takes."""
        ids, positions = self.vocabulary.encode_words(join_words(words, set(), self.gap))
        return len(positions[place]) == 1 and positions[place][0] < min(len(ids), self.longest)

    def surprise(self, text: Any) -> dict[str, Any]:
        """Compute how unexpected each word is when it is hidden (after Salazar et al. 2020).

        Up to 24 words are hidden one at a time; in longer texts, words at least 24 apart are hidden together.

        Returns:
            "words" ("text", "before", "bits": -log2 of its probability, None for typed masks), "rest" and "note".

        Raises:
            UserError: if the text is invalid.
        """
        words, rest = self._words(text)
        ids, positions = self.vocabulary.encode_words(join_words(words, set(), self.gap))
        asked = [place for place, word in enumerate(words) if positions[place] and not word.is_mask]
        groups = [asked[first::ROWS] for first in range(min(ROWS, len(asked)))]
        hidden = [[position for place in group for position in positions[place]] for group in groups]
        rows = [[self.mask if n in gone else token for n, token in enumerate(ids)] for gone in map(set, hidden)]
        bits: list[float | None] = [None] * len(words)
        if rows:
            logarithms = self._logits(rows, hidden).log_softmax(1)
            true = torch.tensor([ids[position] for each in hidden for position in each])
            of_tokens = iter(logarithms.gather(1, true[:, None])[:, 0].tolist())
            for place in (place for group in groups for place in group):
                bits[place] = -sum(next(of_tokens) for _ in positions[place]) / math.log(2)
        shown = [{"text": word.text, "before": word.before, "bits": bit} for word, bit in zip(words, bits, strict=True)]
        return {"words": shown, **self._left_over(rest)}

    def _words(self, text: Any) -> tuple[list[Word], str]:
        """Return the words that fit into the model, and the rest of the text."""
        whole = some_text(text).replace(self.gap, MASK)
        words = split_words(whole)
        if not words:
            raise UserError("there are no words in this text; type a sentence")
        _check_gaps(sum(word.is_mask for word in words))
        fewest, most = 0, len(words)
        while fewest < most:  # binary search for the longest prefix that fits
            middle = (fewest + most + 1) // 2
            fits = len(self.vocabulary.encode(join_words(words[:middle], set(), self.gap).text)) <= self.longest
            fewest, most = (middle, most) if fits else (fewest, middle - 1)
        if not fewest:
            raise UserError("the first word is too long for the model; type a shorter one")
        kept = words[:fewest]
        return kept, whole[len(join_words(kept, set(), MASK).text) :]

    def _left_over(self, rest: str) -> dict[str, Any]:
        """Return the text that does not fit into the model, and a note about it."""
        return {
            "rest": rest,
            "note": f"the model takes {self.longest} tokens; the rest is left out" if rest.strip() else None,
        }

    def _predictions(self, words: list[Word], gone: set[int], gaps: list[int], top_k: int) -> list[dict[str, Any]]:
        ids = self.vocabulary.encode(join_words(words, gone, self.gap).text)[: self.longest]
        at = [position for position, token in enumerate(ids) if token == self.mask]
        probabilities = self._logits([ids], [at]).softmax(1)
        true, positions = self.vocabulary.encode_words(join_words(words, set(), self.gap))
        return [
            {
                "word": place,
                **self._truth(words[place], [true[position] for position in positions[place]], row),
                "candidates": self.vocabulary.candidates(row, top_k),
            }
            for place, row in zip(gaps, probabilities, strict=False)  # masks may be longer than the words they replace
        ]

    def _truth(self, word: Word, tokens: list[int], probabilities: Tensor) -> dict[str, Any]:
        """Return the hidden word, with its probability and rank."""
        nothing = {"was": None, "was_probability": None, "was_rank": None, "note": None}
        if word.is_mask:
            return nothing
        if len(tokens) != 1:
            note = f"“{word.text}” is {len(tokens)} pieces in this vocabulary; a mask stands for one"
            return nothing | {"was": word.text, "note": note}
        probability = probabilities[tokens[0]]
        rank = 1 + int((probabilities > probability).sum())
        return nothing | {"was": word.text, "was_probability": float(probability), "was_rank": rank}

    def _logits(self, rows: Sequence[Sequence[int]], positions: Sequence[Sequence[int]]) -> Tensor:
        """Compute the logits at some positions of each row: float32, shape (all positions, vocabulary)."""
        longest = max(map(len, rows))
        padding = self.vocabulary.tokenizer.pad_token_id or 0
        device = self.model.device
        tokens = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
        flat = [longest * row + place for row, places in enumerate(positions) for place in places]
        with self._lock, torch.inference_mode():
            asked = torch.tensor(flat, device=device)
            return logits_at(self.model, asked, input_ids=tokens, attention_mask=mask).float().cpu()


def _check_gaps(count: int) -> None:
    if count > MOST_MASKS:
        raise UserError(f"{count} words are hidden; at most {MOST_MASKS} can be, so show some of them again")
