"""Text in: whatever is in the rows, and packed without loss."""

from __future__ import annotations

import resource

import numpy as np
import pyarrow as pa
import pytest
from conftest import sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block, is_held_out
from hf_ssl.data.stream import Skipped
from hf_ssl.modalities.text.modality import Text
from hf_ssl.modalities.text.reading import LONGEST_PIECE, TextReader, TokenEncoder, tokenize
from hf_ssl.modalities.text.vocabulary import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(sentences(300)[0], 400, 32)


def block_of(texts, kind=None) -> Block:
    return Block(3, np.arange(len(texts)), pa.table({"text": pa.array(texts, kind or pa.string())}))


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=200), max_size=20), length=st.integers(2, 40), cut=st.integers(0, 20))
def test_packing_loses_and_repeats_nothing(tokenizer, texts, length, cut):
    encoder = TokenEncoder(tokenizer, TextReader("text"), length)
    first, carry, skipped = encoder.encode(block_of(texts[:cut]), [])
    second, carry, more = encoder.encode(block_of(texts[cut:]), carry)
    packed = [token for sample in first + second for token in sample.values["input_ids"]]
    packed += [token for *_, ids in carry for token in ids]
    usable = [t.replace("\0", " ") for t in texts if t.replace("\0", " ").strip()]
    expected = [
        t for text in usable for t in [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
    ]
    assert packed == expected
    assert len(skipped + more) == len(texts) - len(usable)
    assert all(len(sample.values["input_ids"]) == length for sample in first + second)
    left = [token for sample in encoder.rest(carry) for token in sample.values["input_ids"]]
    assert left == packed[len(packed) - len(left) :]
    assert bool(left) == bool(carry)


def test_spans_name_the_source_of_every_token(tokenizer):
    texts = sentences(20)[0]
    samples, _, _ = TokenEncoder(tokenizer, TextReader("text"), 16).encode(block_of(texts), [])
    ids = [[*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id] for text in texts]
    for sample in samples:
        named = [token for shard, row, begin, end in sample.spans for token in ids[row][begin:end]]
        assert named == sample.values["input_ids"].tolist()
        assert set(sample.spans[:, 0]) == {3}


def test_very_long_rows_are_cut_into_pieces_at_white_space(tokenizer):
    text = "garden seed " * 20_000
    pieces = [tokens for _, tokens in tokenize(tokenizer, [(0, text)])]
    assert len(pieces) == -(-len(text) // LONGEST_PIECE)
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert np.concatenate(pieces).tolist() == [*whole, tokenizer.sep_token_id]


def test_a_line_of_ten_megabytes_needs_little_memory(tokenizer):
    text = "garden seed rose " * 600_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    samples, _, _ = TokenEncoder(tokenizer, TextReader("text"), 128).encode(block_of([text]), [])
    assert len(samples) > 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB


def test_nul_and_broken_utf8_are_replaced():
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 3], np.int32)), pa.py_buffer(b"a\xffb")]
    )
    rows = TextReader("text")
    assert rows.read(Block(0, np.arange(1), pa.table({"text": broken})))[0] == [(0, "a\ufffdb")]
    assert rows.read(block_of(["a\0b"]))[0] == [(0, "a b")]


def test_empty_rows_are_counted_or_an_error():
    texts = ["garden", "", None, " \n"]
    assert TextReader("text").read(block_of(texts)) == ([(0, "garden")], [Skipped(row, "no text") for row in (1, 2, 3)])
    with pytest.raises(UserError, match="row 1 of shard 3 has no text"):
        TextReader("text", strict=True).read(block_of(texts))


def test_a_column_of_numbers_is_an_error():
    with pytest.raises(UserError, match="holds int64, not text"):
        TextReader("text").read(block_of([1, 2], pa.int64()))


def test_the_hash_splits_every_row_to_one_side():
    texts = sentences(4000)[0]
    held_out = [text for text in texts if is_held_out(text.encode())]
    assert 0.03 < len(held_out) / len(texts) < 0.07
    sides = [TextReader("text", held_out=side).read(block_of(texts))[0] for side in (True, False)]
    assert sorted(sides[0] + sides[1]) == list(enumerate(texts))
    assert [text for _, text in sides[0]] == held_out


def test_half_characters_have_a_side_too():
    """What JSON may hold and UTF-8 may not."""
    text = "half a character: \ud83d"
    content = Text().content(text)
    assert content.decode("utf-8", "surrogatepass") == text
    assert isinstance(is_held_out(content), bool)


def test_the_text_column_is_found():
    table = pa.table({"id": ["a"], "body": ["a longer text"], "label": ["the longest of all, but a label"], "n": [1]})
    assert Text().for_columns(table, "made up", "label").text_column == "body"
    assert Text(text_column="id").for_columns(table, "made up", "label").columns == ("id",)
    named = table.append_column("text", pa.array(["x"]))
    assert Text().for_columns(named, "made up", "label").text_column == "text"
    with pytest.raises(UserError, match="'made up' has no column 'words' but id, body, label, n"):
        Text(text_column="words").for_columns(table, "made up")
    with pytest.raises(UserError, match=r"'made up' has no column of text but n \(int64\)"):
        Text().for_columns(table.select(["n"]), "made up")
