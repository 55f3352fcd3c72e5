"""A text falls into words and comes together again, whatever it is; tokens as people read them."""

from __future__ import annotations

import pytest
import torch
from conftest import sentences
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from hf_ssl.modalities.text.vocabulary import train_tokenizer
from hf_ssl.modalities.text.words import MASK, Vocabulary, join_words, split_words


def words(text):
    return [word.text for word in split_words(text)]


def test_words_signs_and_masks():
    assert words("Don't stop, well-known fox!") == ["Don't", "stop", ",", "well-known", "fox", "!"]
    assert words("a [MASK].[MASK]b") == ["a", MASK, ".", MASK, "b"]
    assert words("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert words("我们走") == ["我", "们", "走"]
    assert words("👩‍🚀 flies") == ["👩‍🚀", "flies"]
    assert words("  ") == []


def test_hidden_words_and_typed_masks_become_gaps():
    assert join_words(split_words("the quick [MASK] fox"), {1}, "<mask>").text == "the <mask> <mask> fox"


@given(st.text(max_size=200))
def test_nothing_is_lost_but_space_at_the_end(text):
    words = split_words(text)
    sentence = join_words(words, set(), MASK)
    assert [sentence.text[begin:end] for begin, end in sentence.spans] == [word.text for word in words]
    joined = sentence.text
    assert text.startswith(joined)
    assert not text[len(joined) :].strip()


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(train_tokenizer(sentences(300)[0], 400, 32))


@given(text=st.text(max_size=80))
def test_every_token_of_a_text_belongs_to_one_word(vocabulary, text):
    sentence = join_words(split_words(text), set(), MASK)
    ids, positions = vocabulary.encode_words(sentence)
    assert ids == vocabulary.encode(sentence.text)
    assert ids == vocabulary.tokenizer(sentence.text)["input_ids"]
    places = [place for own in positions for place in own]
    assert places == sorted(set(places))
    special = {place for place, token in enumerate(ids) if token in vocabulary.tokenizer.all_special_ids}
    assert set(places) | special == set(range(len(ids)))


def test_pieces_within_a_word_are_told_from_beginnings(vocabulary):
    tokens = vocabulary.encode("garden zyx", special=False)
    words = [(vocabulary.text_of(token), vocabulary.is_part(token)) for token in tokens]
    assert words[0] == ("garden", False)
    assert [part for _, part in words[1:]] == [False] + [True] * (len(words) - 2)
    assert "".join(text for text, _ in words[1:]).removeprefix("␣") == "zyx"  # the space may be a token of its own


def test_in_a_wordpiece_vocabulary_too():
    known = {"[UNK]": 0, "gar": 1, "##den": 2, "!": 3, "##!": 4, "##": 5}
    backend = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    vocabulary = Vocabulary(PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]"))
    assert [vocabulary.text_of(token) for token in (1, 2, 3)] == ["gar", "den", "!"]
    assert [vocabulary.is_part(token) for token in (1, 2, 3, 5)] == [False, True, False, False]


def test_candidates_are_the_most_probable_tokens_but_special_ones(vocabulary):
    probabilities = torch.rand(len(vocabulary.tokenizer) + 5, generator=torch.Generator().manual_seed(0))
    probabilities[vocabulary.tokenizer.all_special_ids] = 2.0
    probabilities[len(vocabulary.tokenizer) :] = 3.0  # rows of the model that stand for no token
    found = vocabulary.candidates(probabilities, 7)
    ordinary = probabilities[: len(vocabulary.tokenizer)].clone()
    ordinary[vocabulary.tokenizer.all_special_ids] = -1
    assert [each["probability"] for each in found] == ordinary.topk(7).values.tolist()
    assert [each["text"] for each in found] == [
        vocabulary.text_of(token) for token in ordinary.topk(7).indices.tolist()
    ]
    assert len(vocabulary.candidates(probabilities, 10_000)) == len(vocabulary.tokenizer) - len(
        set(vocabulary.tokenizer.all_special_ids)
    )
