"""The tokenizer, stock or trained on the first rows, and the unigram baseline of token frequencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.prepared import Needs, Prepared
from hf_ssl.modalities.text.reading import separator_of, tokenize

PADDING, UNKNOWN, CLASSIFIER, SEPARATOR, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
END = "[END]"  # ends a document, and so starts the next
MASKED_ROLES = {
    "pad_token": PADDING,
    "unk_token": UNKNOWN,
    "cls_token": CLASSIFIER,
    "sep_token": SEPARATOR,
    "mask_token": MASK,
}
LONG_WORD = re.compile(r"\S{256}")
CAUSAL_ROLES = {"pad_token": PADDING, "bos_token": END, "eos_token": END}


def train_tokenizer(
    texts: Iterable[str], vocabulary_size: int, longest: int, causal: bool = False
) -> PreTrainedTokenizerFast:
    """Train a lower-cased byte-level BPE tokenizer (Sennrich et al. 2016; Radford et al. 2019) within words.

    WordPiece is not used: its trainer numbers pieces in the order of a randomly seeded hash table, so that runs differ.

    Args:
        texts: training documents.
        vocabulary_size: maximum number of entries, including special tokens.
        longest: maximum number of input tokens of the model.
        causal: for a causal model: an end token starts each input and is never appended.

    Returns:
        A stock fast tokenizer, deterministic for given texts; with BERT's special tokens and templates unless ``causal``.
    """
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    # White space and punctuation separate words; each word or symbol then starts with the space byte.
    pieces = [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)]
    backend.pre_tokenizer = pre_tokenizers.Sequence(pieces)
    backend.decoder = decoders.ByteLevel()
    roles = CAUSAL_ROLES if causal else MASKED_ROLES
    special = list(dict.fromkeys(roles.values()))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocabulary_size, len(special) + len(alphabet)),
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    # Learning is quadratic in the length of a word, and words that long share nothing but their parts.
    backend.train_from_iterator((LONG_WORD.sub(r"\g<0> ", text) for text in texts), trainer)
    if causal:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{END} $A", pair=f"{END} $A {END} $B", special_tokens=[(END, special.index(END))]
        )
    else:
        backend.post_processor = processors.BertProcessing(
            (SEPARATOR, special.index(SEPARATOR)), (CLASSIFIER, special.index(CLASSIFIER))
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=longest,
        model_input_names=["input_ids", "attention_mask"],
        **roles,
    )


def load_tokenizer(name: str, needs: Needs) -> PreTrainedTokenizerBase:
    """Load a stock tokenizer by Hub id or folder.

    Args:
        name: Hub id or folder of the tokenizer.
        needs: of the task: a causal model needs no end token after prompts, a masked one needs a mask token.

    Raises:
        UserError: if it does not exist, is not fast, or does not have what the task needs.
    """
    tokenizer = fast_tokenizer(name, name)
    if needs.packed:
        fit_for_language(tokenizer, name, needs.causal)
    elif tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(separator_of(tokenizer))
    return tokenizer


def vocabulary_size(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the number of rows that a table of embeddings needs: some tokenizers leave out ids."""
    return max(len(tokenizer), 1 + max(tokenizer.get_vocab().values()))


def fast_tokenizer(place: str, name: str) -> PreTrainedTokenizerBase:
    """Load a stock tokenizer by Hub id or folder; ``name`` is its name in messages.

    Raises:
        UserError: if it does not exist or is not fast.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot load a tokenizer from '{name}': {' '.join(str(error).split())[:300]}") from error
    if not tokenizer.is_fast:
        raise UserError(f"the tokenizer of '{name}' has no fast version; choose one with a tokenizer.json")
    tokenizer.backend_tokenizer.no_truncation()  # some have their own length limits
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def fit_for_language(tokenizer: PreTrainedTokenizerBase, name: str, causal: bool) -> None:
    """Check that a tokenizer suits a language model, and add a padding token; see `load_tokenizer`."""
    if causal:
        _check_open(tokenizer, name)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(separator_of(tokenizer))
    elif tokenizer.mask_token_id is None:
        raise UserError(f"the tokenizer of '{name}' has no mask token; masked language modelling needs one")


def _check_open(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    if tokenizer("a")["input_ids"][-1] == separator_of(tokenizer):
        raise UserError(
            f"the tokenizer of '{name}' closes every text, so that prompts cannot be continued; use that of a "
            "causal language model"
        )


def count_tokens(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> np.ndarray:
    """Count how often each token occurs in documents: int64 of shape (vocabulary,)."""
    counts = np.zeros(vocabulary_size(tokenizer), np.int64)
    for _, tokens in tokenize(tokenizer, list(enumerate(texts))):
        counts += np.bincount(tokens, minlength=len(counts))
    return counts


def language_figures(loss: float, parts: Sequence[Any], prepared: Prepared) -> dict[str, float]:
    """Return "loss", "perplexity", and "unigram_loss".

    The latter is the cross-entropy of the (add-one smoothed) training token frequencies on the same targets.

    Args:
        loss: loss of the model, in nats per target.
        parts: `hf_ssl.pretext.base.Part`, whose "labels" are tokens.
        prepared: holds "token_counts".
    """
    counts = prepared.statistics["token_counts"]
    frequencies = (counts + 1.0) / (counts.sum() + len(counts))
    labels = torch.cat([part.inputs["labels"] for part in parts]).to(frequencies.device)
    unigram = float(-frequencies.double()[labels].log().mean())
    return {"loss": loss, "perplexity": float(torch.tensor(loss).exp()), "unigram_loss": unigram}
