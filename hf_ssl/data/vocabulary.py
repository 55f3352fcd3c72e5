"""The tokenizer: a stock one, or a vocabulary learned from the first rows of the stream."""

from collections.abc import Iterable

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from hf_ssl.data.text import separator_of, tokenize
from hf_ssl.errors import UserError

PADDING, UNKNOWN, CLASSIFIER, SEPARATOR, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
END = "[END]"  # of a document, and so the beginning of the next
MASKED_ROLES = {
    "pad_token": PADDING,
    "unk_token": UNKNOWN,
    "cls_token": CLASSIFIER,
    "sep_token": SEPARATOR,
    "mask_token": MASK,
}
CAUSAL_ROLES = {"pad_token": PADDING, "bos_token": END, "eos_token": END}


def train_tokenizer(
    texts: Iterable[str], vocabulary_size: int, longest: int, causal: bool = False
) -> PreTrainedTokenizerFast:
    """Learn a lower-cased byte-level BPE vocabulary (Sennrich et al. 2016; Radford et al. 2019) within words.

    Not WordPiece: its trainer numbers the pieces in the order of a randomly seeded hash table, so that no two runs agree.

    Args:
        texts: documents to count.
        vocabulary_size: most entries, special tokens included.
        longest: tokens a model input may have.
        causal: for a model that writes on: with an end token, which begins an input and never closes it.

    Returns:
        A stock fast tokenizer, the same for the same texts; with BERT's special tokens and templates unless ``causal``.
    """
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    # White space and punctuation part words; each word or sign then starts with the byte of a space.
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
    backend.train_from_iterator(texts, trainer)
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


def load_tokenizer(name: str, causal: bool = False) -> PreTrainedTokenizerBase:
    """Load a stock tokenizer by Hub id or folder.

    Args:
        name: of the tokenizer.
        causal: for a model that writes on, which needs no mask token, and prompts that are left open.

    Raises:
        UserError: if there is none, it is no fast one, it has no mask token, or it closes prompts.
    """
    tokenizer = fast_tokenizer(name, name)
    fit_for_language(tokenizer, name, causal)
    return tokenizer


def fast_tokenizer(place: str, name: str) -> PreTrainedTokenizerBase:
    """Load a stock tokenizer by Hub id or folder; ``name`` is what a user knows it by.

    Raises:
        UserError: if there is none, or it is no fast one.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot load a tokenizer from '{name}': {' '.join(str(error).split())[:300]}") from error
    if not tokenizer.is_fast:
        raise UserError(f"the tokenizer of '{name}' has no fast version; choose one with a tokenizer.json")
    tokenizer.backend_tokenizer.no_truncation()  # some come with lengths of their own
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def fit_for_language(tokenizer: PreTrainedTokenizerBase, name: str, causal: bool) -> None:
    """Check that a tokenizer serves a language model, and give it a padding token; see `load_tokenizer`."""
    if causal:
        _check_open(tokenizer, name)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(separator_of(tokenizer))
    elif tokenizer.mask_token_id is None:
        raise UserError(f"the tokenizer of '{name}' has no mask token; masked language modelling needs one")


def _check_open(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    if tokenizer("a")["input_ids"][-1] == separator_of(tokenizer):
        raise UserError(
            f"the tokenizer of '{name}' closes every text, so that nothing could be written behind a prompt; name one of a "
            "causal language model"
        )


def count_tokens(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> np.ndarray:
    """How often each token occurs in documents: int64 of shape (vocabulary,)."""
    counts = np.zeros(len(tokenizer), np.int64)
    for _, tokens in tokenize(tokenizer, list(enumerate(texts))):
        counts += np.bincount(tokens, minlength=len(counts))
    return counts
