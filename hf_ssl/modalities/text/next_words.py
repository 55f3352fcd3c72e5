"""Continuation of a text by a causal language model."""

from __future__ import annotations

import math
import threading
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import MOST_CANDIDATES, some_text, whole_number
from hf_ssl.modalities.text.words import MASK, Vocabulary, join_words, split_words


class NextWords:
    """A causal language model that predicts the next word; thread-safe."""

    kind = "next"

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, longest: int) -> None:
        """Wrap a model.

        Args:
            model: a ``...ForCausalLM``.
            tokenizer: a fast one that adds no end token to prompts.
            longest: maximum number of input tokens.
        """
        self.model = model.eval()
        self.vocabulary = Vocabulary(tokenizer)
        self.longest = longest
        self._lock = threading.Lock()

    def next_word(self, text: Any, top_k: Any) -> dict[str, Any]:
        """Predict candidates for the token after the text.

        Args:
            text: its last tokens are used, as many as fit into the model.
            top_k: number of candidates.

        Returns:
            "candidates" and "note"; see `hf_ssl.demo.demo.Demo.next_word`.

        Raises:
            UserError: if the text or top_k is invalid.
        """
        top_k = whole_number("top_k", top_k, 1, MOST_CANDIDATES)
        ids = self.vocabulary.encode(_without_masks(text).rstrip())
        note = (
            None if len(ids) <= self.longest else f"the model takes {self.longest} tokens: the last ones of this text"
        )
        logits = self._logits(ids[-self.longest :])[-1]
        return {"candidates": self.vocabulary.candidates(logits.softmax(0), top_k), "note": note}

    def surprise(self, text: Any) -> dict[str, Any]:
        """Compute how unexpected each word is, given those before it.

        Returns:
            "words" ("text", "before", "bits": -log2 of its probability), "rest" and "note".

        Raises:
            UserError: if the text is invalid.
        """
        whole = _without_masks(text)
        words = split_words(whole)
        if not words:
            raise UserError("there are no words in this text; type a sentence")
        sentence = join_words(words, set(), "")
        ids, positions = self.vocabulary.encode_words(sentence)
        ids = ids[: self.longest]
        logarithms = self._logits(ids).log_softmax(1)
        shown: list[dict[str, Any]] = []
        kept = 0
        for word, places, (_, end) in zip(words, positions, sentence.spans, strict=True):
            if places and places[-1] >= len(ids):
                break
            known = bool(places) and places[0] > 0  # the first token has no context
            bits = -sum(float(logarithms[place - 1, ids[place]]) for place in places if known) / math.log(2)
            shown.append({"text": word.text, "before": word.before, "bits": bits if known else None})
            kept = end
        rest = whole[kept:]
        note = f"the model takes {self.longest} tokens; the rest is left out" if rest.strip() else None
        return {"words": shown, "rest": rest, "note": note}

    def _logits(self, ids: list[int]) -> Tensor:
        if not ids:
            raise UserError("there are no words in this text; type a sentence")
        with self._lock, torch.inference_mode():
            return self.model(input_ids=torch.tensor([ids], device=self.model.device)).logits[0].float().cpu()


def _without_masks(text: Any) -> str:
    return some_text(some_text(text).replace(MASK, " "))
