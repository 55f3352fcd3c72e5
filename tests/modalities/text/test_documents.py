"""A document, a sample: its first tokens, padded, remembered between epochs; crops of it as views."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from conftest import batch_of, learned, needs_of, sentences, text_block
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block
from hf_ssl.modalities.text.documents import SHORTEST, two_crops
from hf_ssl.modalities.text.flags import TextViews
from hf_ssl.pretext.pairing import pair

PAIRING = pair("contrastive", "text", sequence_length=64, vocabulary_size=400, embedding_size=32)


@pytest.fixture(scope="module")
def made():
    prepared = learned(PAIRING, text_block(200))
    return prepared, Block(0, np.arange(200), pa.table({"text": ["a b", *sentences(200)[0][1:]]}))


def encoder_of(prepared):
    return prepared.modality.row_encoder(prepared, needs_of(PAIRING.task))


def test_a_document_a_sample(made):
    prepared, block = made
    encoder = encoder_of(prepared)
    samples, carry, skipped = encoder.encode(block, [])
    assert carry == []
    assert encoder.rest(carry) == []
    assert (encoder.unit, encoder.units_per_sample) == ("documents", 1)
    assert [(row.row, row.reason) for row in skipped] == [(0, "fewer than 4 tokens")]
    assert len(samples) == 199
    assert {sample.values["input_ids"].shape for sample in samples} == {(64,)}
    text = block.table["text"][5].as_py()
    ids = samples[4].values["input_ids"]
    kept = ids[ids != prepared.processor.pad_token_id]
    assert prepared.processor.decode(kept).split() == text.replace(".", " .").split()
    assert samples[4].spans.tolist() == [[0, 5, 0, len(kept)]]


def test_only_the_first_tokens_of_a_long_document(made):
    prepared, _ = made
    text = " ".join(sentences(40)[0])
    (sample,), _, _ = encoder_of(prepared).encode(Block(0, np.arange(1), pa.table({"text": [text]})), [])
    expected = prepared.processor(text, add_special_tokens=False)["input_ids"][:64]
    assert sample.values["input_ids"].tolist() == expected


def test_what_is_remembered_changes_nothing(made, monkeypatch):
    prepared, block = made
    encoder = encoder_of(prepared)
    first, again = (encoder.encode(block, [])[0] for _ in range(2))
    monkeypatch.setattr("hf_ssl.modalities.text.documents.REMEMBERED", 0)
    forgetful = encoder_of(prepared)
    for _ in range(2):
        other = forgetful.encode(block, [])[0]
        assert not forgetful._known
        for samples in (first, again):
            assert all(
                np.array_equal(a.values["input_ids"], b.values["input_ids"])
                for a, b in zip(samples, other, strict=True)
            )
    assert len(encoder._known) == 200


@pytest.fixture(scope="module")
def documents(made):
    prepared, _ = made
    return prepared, batch_of(PAIRING.task, prepared, text_block(200), 16)


@settings(max_examples=30, deadline=None)
@given(smallest=st.floats(0.01, 0.5), width=st.floats(0, 0.5), seed=st.integers(0, 1000))
def test_crops_are_of_the_right_length_and_from_the_document(documents, smallest, width, seed):
    prepared, batch = documents
    padding = prepared.processor.pad_token_id
    views = TextViews(smallest, smallest + width)
    crops = two_crops(batch["input_ids"], torch.arange(16) + seed, views, padding)
    assert torch.equal(crops["attention_mask"], (crops["input_ids"] != padding).long())
    for side in crops["input_ids"].chunk(2):
        for document, crop in zip(batch["input_ids"], side, strict=True):
            document, crop = document[document != padding].tolist(), crop[crop != padding].tolist()
            low, high = round(smallest * len(document)), round((smallest + width) * len(document))
            assert min(SHORTEST, len(document)) <= len(crop) <= max(high + 1, SHORTEST)
            assert len(crop) >= low - 1
            assert any(document[at : at + len(crop)] == crop for at in range(len(document)))


def test_first_crops_of_all_documents_come_before_the_second_ones_and_are_drawn_apart():
    tokens = torch.arange(10, 18)[:, None].expand(8, 64)
    crops = two_crops(tokens, torch.arange(8), TextViews(0.2, 0.9), 0)["input_ids"]
    assert crops.shape == (16, round(0.9 * 64))
    assert [set(crop[crop != 0].tolist()) for crop in crops] == [{token} for token in [*range(10, 18)] * 2]
    first, second = (crops != 0).sum(1).chunk(2)
    assert (first != second).sum() >= 6  # of different lengths
    places = torch.arange(1, 65).expand(8, 64)
    begins = two_crops(places, torch.arange(8), TextViews(0.2, 0.2), 0)["input_ids"][:, 0]
    assert len(set(begins.tolist())) > 8


def test_the_same_for_a_key_in_whatever_batch(documents):
    prepared, batch = documents
    keys = torch.arange(16) * 7919
    whole = prepared.modality.two_views(batch, keys, prepared, 0.0)
    part = prepared.modality.two_views({"input_ids": batch["input_ids"][3:5]}, keys[3:5], prepared, 1.0)
    for name, views in part.items():
        assert torch.equal(torch.cat([whole[name][3:5], whole[name][19:21]]), views)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"smallest_crop": 0.0}, "--smallest_crop 0.0 must be above 0"),
        ({"smallest_crop": 0.5, "largest_crop": 0.4}, "and at most --largest_crop 0.4"),
        ({"largest_crop": 1.5}, "which must be at most 1"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match):
        TextViews(**flags)
