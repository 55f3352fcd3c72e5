"""Texts for display: excerpts, models that fill in words, and the worked example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import MOST_CHARACTERS, some_text
from hf_ssl.data.embedded_docs import GROUPS, SENTENCES
from hf_ssl.modalities.building import load_whole
from hf_ssl.modalities.shown import Shown
from hf_ssl.modalities.text.baselines import fit_tfidf
from hf_ssl.modalities.text.masked_words import MaskedWords
from hf_ssl.modalities.text.next_words import NextWords
from hf_ssl.modalities.text.tried_words import beginning, first_sentence, right_first
from hf_ssl.modalities.text.words import MASK
from hf_ssl.unsupervised.methods import kmeans
from hf_ssl.unsupervised.naming import top_terms

LONGEST_EXCERPT = 120  # characters
PANGRAM = "The quick brown fox jumps over the lazy [MASK]."
CANDIDATES = 6
HEADS: dict[str, Any] = {
    "ForMaskedLM": AutoModelForMaskedLM,
    "ForCausalLM": AutoModelForCausalLM,
    "LMHeadModel": AutoModelForCausalLM,
}


class ShownText(Shown):
    """Texts in reports and in the demo."""

    rows_name = "texts"

    def shown(self, value: str) -> dict[str, Any]:
        """Return "text", the first 2,000 characters, and a "note" if there are more."""
        long = len(value) > MOST_CHARACTERS
        note = f"the first {MOST_CHARACTERS:,} of {len(value):,} characters" if long else None
        return {"text": value[:MOST_CHARACTERS], "note": note}

    def excerpt(self, value: str) -> dict[str, str]:
        """Return the beginning of a text in one line."""
        line = " ".join(value[: 4 * LONGEST_EXCERPT].split())
        return {"text": line if len(line) <= LONGEST_EXCERPT else line[: LONGEST_EXCERPT - 1] + "…"}

    def asked(self, value: Any) -> str:
        """Parse a typed text and remove its masks.

        Raises:
            UserError: if the text is missing, too long or all masks.
        """
        plain = some_text(value).replace(MASK, " ")
        if not plain.strip():
            raise UserError("the text is all masks, which have no position on the map; type a word")
        return plain

    def to_column(self, inputs: Sequence[str]) -> pa.Array:
        """Return texts as a column."""
        return pa.array(inputs, pa.string())

    def from_column(self, column: pa.ChunkedArray) -> list[str]:
        """Return the texts of a column."""
        return column.to_pylist()

    def terms_of(self, inputs: Sequence[str], labels: np.ndarray, count: int) -> dict[int, list[str]]:
        """Return the characteristic words of each cluster."""
        return top_terms(inputs, labels, count)

    def fillers(self, runs: Sequence[Any]) -> dict[str, Any]:
        """Return name of a run -> its full model, for runs that predict words.

        Raises:
            UserError: if a model cannot be loaded or its tokenizer has no mask token.
        """
        found: dict[str, MaskedWords | NextWords] = {}
        for run in runs:
            whole = load_whole(run, HEADS)
            if whole is None:
                continue
            head, model = whole
            tokenizer, longest = run.prepared.processor, run.modality.sequence_length
            if head is AutoModelForCausalLM:
                found[run.name] = NextWords(model, tokenizer, longest)
            elif tokenizer.mask_token_id is None:
                raise UserError(f"the tokenizer of '{run.name}' has no mask token; leave this model out")
            else:
                found[run.name] = MaskedWords(model, tokenizer, longest)
        return found

    def page(self, inputs: Sequence[str], fillers: dict[str, Any]) -> dict[str, Any]:
        """Return the initial content of the text panel: the first row with a word hidden, and how often models are right."""
        masked = {name: filler for name, filler in fillers.items() if isinstance(filler, MaskedWords)}
        first = first_sentence(next(iter(masked.values()), None), inputs)
        usual = {"text": beginning(inputs[0]), "hidden": []}
        right = {name: right_first(filler, inputs) for name, filler in masked.items()}
        return {"first": first or usual, "right_first": right, "top_k": CANDIDATES, "longest": MOST_CHARACTERS}

    def worked_examples(self, runs: dict[str, Any]) -> dict[str, Any]:
        """Cluster the six sentences into two groups (k-means, the best of ten initialisations), without training on them.

        Args:
            runs: title -> a run whose encoder is included.

        Returns:
            "sentences", "groups", and "routes": name -> {"clusters": cluster of each, "right": whether they are the groups}.
        """
        texts = [text for text, _ in SENTENCES]
        expected = np.array([GROUPS.index(group) for _, group in SENTENCES])
        routes: dict[str, Any] = {"TF-IDF": fit_tfidf(texts).transform(texts)}
        for title, run in runs.items():
            for name, encoder in (("pretrained", run.encoder), ("untrained", run.untrained(0))):
                routes[f"{title}, {name}"] = list(run.embed(encoder, texts, title).values())[-1]
        found = {}
        for name, features in routes.items():
            clusters = kmeans(features, len(GROUPS), seed=0)
            same = (clusters[:, None] == clusters) == (expected[:, None] == expected)
            found[name] = {"clusters": clusters.tolist(), "right": bool(same.all())}
        return {"sentences": texts, "groups": [GROUPS[place] for place in expected], "routes": found}
