"""Text in: packed without loss, whatever is in the rows."""

import json
import resource
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from conftest import sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.data.stream import Block, Skipped
from hf_ssl.data.text import LONGEST_PIECE, TextRows, TokenEncoder, is_held_out, tokenize
from hf_ssl.data.vocabulary import count_tokens, train_tokenizer
from hf_ssl.errors import UserError


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(sentences(300)[0], 400, 32)


def block_of(texts, kind=None) -> Block:
    return Block(3, np.arange(len(texts)), pa.table({"text": pa.array(texts, kind or pa.string())}))


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=200), max_size=20), length=st.integers(2, 40), cut=st.integers(0, 20))
def test_packing_loses_and_repeats_nothing(tokenizer, texts, length, cut):
    encoder = TokenEncoder(tokenizer, TextRows("text"), length)
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


def test_spans_name_the_source_of_every_token(tokenizer):
    texts = sentences(20)[0]
    samples, _, _ = TokenEncoder(tokenizer, TextRows("text"), 16).encode(block_of(texts), [])
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
    samples, _, _ = TokenEncoder(tokenizer, TextRows("text"), 128).encode(block_of([text]), [])
    assert len(samples) > 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB


def test_nul_and_broken_utf8_are_replaced():
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 3], np.int32)), pa.py_buffer(b"a\xffb")]
    )
    rows = TextRows("text")
    assert rows.read(Block(0, np.arange(1), pa.table({"text": broken})))[0] == [(0, "a\ufffdb")]
    assert rows.read(block_of(["a\0b"]))[0] == [(0, "a b")]


def test_empty_rows_are_counted_or_an_error():
    texts = ["garden", "", None, " \n"]
    assert TextRows("text").read(block_of(texts)) == ([(0, "garden")], [Skipped(row, "no text") for row in (1, 2, 3)])
    with pytest.raises(UserError, match="row 1 of shard 3 has no text"):
        TextRows("text", strict=True).read(block_of(texts))


def test_a_column_of_numbers_is_an_error():
    with pytest.raises(UserError, match="holds int64, not text"):
        TextRows("text").read(block_of([1, 2], pa.int64()))


def test_the_hash_splits_every_row_to_one_side():
    texts = sentences(4000)[0]
    held_out = [text for text in texts if is_held_out(text)]
    assert 0.03 < len(held_out) / len(texts) < 0.07
    sides = [TextRows("text", held_out=side).read(block_of(texts))[0] for side in (True, False)]
    assert sorted(sides[0] + sides[1]) == list(enumerate(texts))
    assert [text for _, text in sides[0]] == held_out


def test_a_trained_tokenizer_is_the_same_in_every_process(tokenizer):
    code = (
        "import sys, json; from hf_ssl.data.vocabulary import train_tokenizer;"
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
