"""The first sentence of the demo and the count of right answers, against the model's own answers."""

from __future__ import annotations

import pytest
from conftest import learned, sentences, text_block

from hf_ssl.modalities.text.masked_words import MaskedWords
from hf_ssl.modalities.text.tried_words import beginning, first_sentence, right_first, word_to_hide
from hf_ssl.modalities.text.words import MASK, split_words
from hf_ssl.pretext.pairing import pair


@pytest.fixture(scope="module")
def filler():
    prepared = learned(pair("masked_language", "text", sequence_length=64, vocabulary_size=400), text_block(300))
    model = pair("masked_language", "text", sequence_length=64).task.model(prepared, 0)
    return MaskedWords(model, prepared.processor, 64)


def test_the_first_row_with_a_word_to_hide_opens_the_page(filler):
    rows = ["!!! ???", *sentences(5)[0]]
    first = first_sentence(filler, rows)
    assert first["text"] == beginning(rows[1])
    (span,) = first["hidden"]
    hidden = first["text"][span["begin"] : span["end"]]
    assert hidden == split_words(first["text"])[word_to_hide(filler, first["text"])].text
    assert first_sentence(filler, ["!!!"]) is None
    assert first_sentence(None, rows) is None


def test_places_are_counted_as_a_browser_does(filler):
    text = "\N{FOX FACE} " + beginning(sentences(1)[0][0])
    (span,) = first_sentence(filler, [text])["hidden"]
    units = text.encode("utf-16-le")
    word = units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le")
    assert word == split_words(text)[word_to_hide(filler, text)].text


def test_right_answers_are_those_that_the_model_puts_first(filler):
    rows = [*sentences(20)[0], "!!!", MASK]
    found = right_first(filler, rows)
    counted = 0
    for row in rows[:20]:
        text = beginning(row)
        place = word_to_hide(filler, text)
        (said,) = filler.fill(text, [place], 1)["predictions"]
        counted += said["candidates"][0]["text"] == split_words(text)[place].text
    assert found == {"right": counted, "rows": 20}
