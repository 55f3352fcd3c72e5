"""Text as samples, batches and vectors: what a task needs decides how rows are cut; padding never counts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from conftest import learned, sentences, text_block

from hf_ssl.modalities.prepared import Needs
from hf_ssl.pretext.pairing import pair

TEXTS = ["the garden", "the ship and the sea and the storm", "", "rose"]


@pytest.fixture(scope="module")
def prepared():
    return learned(pair("masked_language", "text", sequence_length=16, vocabulary_size=400), text_block(300))


def test_needs_decide_what_a_sample_is(prepared):
    block = text_block(40)
    packed = prepared.modality.row_encoder(prepared, Needs(packed=True))
    single = prepared.modality.row_encoder(prepared, Needs())
    assert (packed.unit, packed.units_per_sample) == ("tokens", 16)
    assert (single.unit, single.units_per_sample) == ("documents", 1)
    blocks, documents = packed.encode(block, [])[0], single.encode(block, [])[0]
    assert {len(sample.values["input_ids"]) for sample in blocks + documents} == {16}
    assert len(documents) == 40 != len(blocks)
    padding = prepared.processor.pad_token_id
    assert not any((sample.values["input_ids"] == padding).any() for sample in blocks)
    sides = [
        prepared.modality.row_encoder(prepared, Needs(), held_out=side).encode(block, [])[0] for side in (True, False)
    ]
    assert sum(map(len, sides)) == 40


def test_inputs_in_memory_become_a_sample_each(prepared):
    samples = prepared.modality.as_samples(prepared, TEXTS)
    tokenizer = prepared.processor
    for sample, text in zip(samples, TEXTS, strict=True):
        assert sample.values["input_ids"].tolist() == tokenizer(text)["input_ids"][:16]
    assert [sample.spans.tolist() for sample in samples] == [[[0, row, 0, 1]] for row in range(4)]
    static = replace(prepared, modality=replace(prepared.modality, text_encoder="static"))
    plain = static.modality.as_samples(static, TEXTS)
    assert plain[0].values["input_ids"].tolist() == tokenizer("the garden", add_special_tokens=False)["input_ids"]
    assert plain[2].values["input_ids"].tolist() == [0]  # a text of nothing has one token all the same


def test_a_batch_of_different_lengths_has_a_mask(prepared):
    samples = prepared.modality.as_samples(prepared, TEXTS)
    lengths = torch.tensor([len(sample.values["input_ids"]) for sample in samples])
    batch = prepared.modality.collate(samples)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (4, lengths.max())
    assert torch.equal(batch["attention_mask"].sum(1), lengths)
    alike = prepared.modality.collate([samples[1], samples[1]])
    assert list(alike) == ["input_ids"]
    tokenizer = SimpleNamespace(pad_token_id=7)
    inputs = prepared.modality.augmented(batch, None, replace(prepared, processor=tokenizer))
    assert (inputs["input_ids"][batch["attention_mask"] == 0] == 7).all()
    assert torch.equal(inputs["attention_mask"], batch["attention_mask"])
    whole = prepared.modality.augmented(alike, torch.arange(2), prepared)
    assert whole["attention_mask"].all()
    assert torch.equal(whole["input_ids"], alike["input_ids"])


def test_pooling_is_the_mean_of_what_is_not_masked(prepared):
    encoder = prepared.modality.encoder(prepared, 0).eval()
    texts = sentences(6)[0]
    batch = prepared.modality.collate(prepared.modality.as_samples(prepared, [*texts, "rose"]))
    inputs = prepared.modality.augmented(batch, None, prepared)
    with torch.no_grad():
        output = encoder(**inputs)
        pooled = prepared.modality.pool(output, inputs)
    for row, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        assert torch.allclose(pooled[row], output.last_hidden_state[row, :length].mean(0), atol=1e-5)
    nothing = inputs | {"attention_mask": torch.zeros_like(inputs["attention_mask"])}
    assert prepared.modality.pool(output, nothing).isfinite().all()


def test_first_texts_are_counted_and_cut_by_character(prepared):
    modality = prepared.modality
    assert (modality.size_of("rose"), modality.cut("rose", 2), modality.cut("rose", 9)) == (4, "ro", "rose")
    assert modality.surveyed >= 1_000_000
    assert replace(modality, text_encoder="static").threads == 1
    assert modality.threads is None
