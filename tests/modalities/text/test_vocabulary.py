"""Tokenizers learned from the first rows: the same in every process, words given back, counts, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import sentences
from transformers import AutoTokenizer

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.prepared import Needs
from hf_ssl.modalities.text.modality import Text
from hf_ssl.modalities.text.vocabulary import count_tokens, load_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(sentences(300)[0], 400, 32)


def test_a_trained_tokenizer_is_the_same_in_every_process(tokenizer):
    code = (
        "import sys, json; from hf_ssl.modalities.text.vocabulary import train_tokenizer;"
        "print(json.dumps(train_tokenizer(json.load(sys.stdin), 300, 32).get_vocab(), sort_keys=True))"
    )
    texts = json.dumps(sentences(300)[0])
    outputs = {
        subprocess.run([sys.executable, "-c", code], input=texts, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_a_trained_tokenizer_gives_words_back(tokenizer):
    text = "The garden (and the ship), caf\u00e9 \u4e2d!"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True).split() == (
        ["the", "garden", "(", "and", "the", "ship", ")", ",", "café", "中", "!"]
    )
    assert tokenizer.mask_token_id in tokenizer("the [MASK] garden")["input_ids"]


def test_token_counts(tokenizer):
    counts = count_tokens(tokenizer, ["the garden", "the ship"])
    assert counts.sum() == 6
    assert counts[tokenizer.convert_tokens_to_ids("Ġthe")] == 2
    assert counts[tokenizer.sep_token_id] == 2


def test_a_saved_tokenizer_is_loaded_and_neither_cuts_nor_pads(tokenizer, tmp_path):
    own = AutoTokenizer.from_pretrained(_saved(tokenizer, tmp_path / "plain"))
    own.backend_tokenizer.enable_truncation(5)
    own.backend_tokenizer.enable_padding(length=5)
    loaded = load_tokenizer(str(_saved(own, tmp_path / "own")), Needs(True, False))
    text = " ".join(sentences(3)[0])
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded("rose")["input_ids"] == tokenizer("rose")["input_ids"]


def _saved(tokenizer, folder):
    tokenizer.save_pretrained(folder)
    return folder


def test_what_is_no_tokenizer_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot load a tokenizer from"):
        load_tokenizer(str(tmp_path), Needs(True, False))


def test_too_little_text_for_one_block_is_refused():
    texts = sentences(3)[0]
    modality = Text(sequence_length=512, vocabulary_size=400, text_column="text")
    with pytest.raises(UserError, match="tokens to train on, less than one block of --sequence_length 512"):
        modality.prepare(texts, Needs(packed=True))
    assert modality.prepare(texts, Needs()).statistics["token_counts"].sum() > 0  # documents need not fill a block


def test_what_is_prepared_is_the_vocabulary_of_the_first_texts():
    texts = sentences(300)[0]
    prepared = Text(sequence_length=32, vocabulary_size=400, text_column="text").prepare(texts, Needs(packed=True))
    expected = train_tokenizer(texts, 400, 32)
    assert prepared.processor.get_vocab() == expected.get_vocab()
    assert prepared.statistics["token_counts"].tolist() == count_tokens(expected, texts).tolist()
    causal = Text(vocabulary_size=400).prepare(texts, Needs(packed=True, causal=True)).processor
    assert causal.mask_token is None
    assert causal.eos_token == causal.bos_token
