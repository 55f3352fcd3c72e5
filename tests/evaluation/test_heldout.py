"""Held-out figures: fixed masks, the unigram level, features in order."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest
import torch
from conftest import sentences, write_parquet

from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.rows import is_held_out
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.heldout import hold_out
from hf_ssl.modalities.prepared import Needs
from hf_ssl.pretext.pairing import pair

SETTINGS = {"sequence_length": 32, "vocabulary_size": 400, "text_column": "text"}
PAIRING = pair("masked_language", "text", mask_probability=0.5, **SETTINGS)
TASK = PAIRING.task


@pytest.fixture(scope="module")
def prepared():
    return PAIRING.modality.prepare(sentences(500)[0], Needs(packed=True))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return train_rows(write_parquet(tmp_path_factory.mktemp("data") / "many", count=2000))


def train_rows(path):
    return open_source(DataArguments(dataset_name=str(path))).train


def test_masks_are_fixed_whatever_training_uses(prepared, rows):
    one = hold_out(TASK, prepared, rows, True, 8)
    other = hold_out(pair("masked_language", "text", mask_probability=0.1, **SETTINGS).task, prepared, rows, True, 8)
    for mine, theirs in zip(one.parts, other.parts, strict=True):
        assert mine.inputs.keys() == theirs.inputs.keys()
        assert all(torch.equal(mine.inputs[name], theirs.inputs[name]) for name in mine.inputs)
    blocks = sum(part.rows for part in one.parts)
    assert sum(part.targets for part in one.parts) == pytest.approx(0.15 * 32 * blocks, rel=0.1)


def test_only_held_out_rows_are_used(prepared, rows):
    """Every text ends with its number."""
    held_out = {number for number, text in enumerate(sentences(2000)[0]) if is_held_out(text.encode())}
    numbers = numbers_in(hold_out(TASK, prepared, rows, True, 8), prepared.processor)
    assert len(numbers) > 20
    assert numbers <= held_out
    assert not numbers_in(hold_out(TASK, prepared, rows, False, 8), prepared.processor) <= held_out  # a control


def numbers_in(held_out, tokenizer) -> set[int]:
    found = set()
    for part in held_out.parts:
        whole = part.inputs["input_ids"].flatten()
        whole[part.inputs["positions"]] = part.inputs["labels"]
        for block in whole.view(part.rows, -1).tolist():
            found |= set(map(int, re.findall(r"[a-z] (\d+) ?\.", tokenizer.decode(block))))
    return found


def test_a_model_that_knows_only_frequencies_scores_the_unigram_loss(prepared, rows):
    model = TASK.model(prepared, 0)
    with torch.no_grad():
        for parameter in model.base_model.parameters():
            parameter.zero_()
        model.head.norm.weight.zero_()
    held_out = hold_out(TASK, prepared, rows, True, 8)
    score = held_out.score(model, contextlib.nullcontext)
    assert score["loss"] == pytest.approx(score["unigram_loss"], abs=1e-4)
    assert score["perplexity"] == pytest.approx(np.exp(score["loss"]))
    assert held_out.score(model, contextlib.nullcontext, stopped=lambda: True) == {}


def test_less_than_a_block_is_measured_and_nothing_is_none(prepared, tmp_path):
    few = train_rows(write_parquet(tmp_path / "few", count=40, files=1))
    long = pair("masked_language", "text", **SETTINGS | {"sequence_length": 512})
    whole = long.modality.prepare(sentences(500)[0], Needs(packed=True))
    held_out = hold_out(long.task, whole, few, True, 8)
    assert sum(is_held_out(text.encode()) for text in sentences(40)[0]) > 0
    assert len(held_out.parts) > 0
    assert all(part.inputs["input_ids"].shape[1] < 512 for part in held_out.parts)
    (tmp_path / "empty.txt").write_text("\n\n")
    assert hold_out(TASK, prepared, train_rows(tmp_path / "empty.txt"), False, 8) is None


def test_features_do_not_depend_on_order_or_padding(prepared):
    model, modality = TASK.model(prepared, 0), prepared.modality
    texts = sentences(100)[0]
    features, backwards, alone = (
        modality.embed(model, prepared, each, contextlib.nullcontext) for each in (texts, texts[::-1], texts[:1])
    )
    assert list(features) == ["mean of embeddings", "layer 1 of 2", "layer 2 of 2"]
    for layer, table in features.items():
        assert table.shape == (100, 192)
        assert np.allclose(table, backwards[layer][::-1], atol=1e-4)
        assert np.allclose(table[:1], alone[layer], atol=1e-4)


def test_what_compares_samples_is_measured_with_as_many_as_it_trains_with(rows):
    pairing = pair("contrastive", "text", **SETTINGS | {"sequence_length": 64}, embedding_size=16)
    prepared = pairing.modality.prepare(sentences(500)[0], Needs())
    (part,) = hold_out(pairing.task, prepared, rows, False, 700).parts
    assert part.rows == 700
    assert len(part.inputs["input_ids"]) == 2 * 700  # two views of each
