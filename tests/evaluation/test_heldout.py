"""Held-out figures: fixed masks, the unigram level, features in order."""

import contextlib

import numpy as np
import pytest
import torch
from conftest import sentences, write_parquet

from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.data.text import is_held_out
from hf_ssl.evaluation.embed_texts import embed_texts
from hf_ssl.evaluation.heldout import hold_out
from hf_ssl.evaluation.labelled import TooFewLabelsError, labelled_rows
from hf_ssl.pretext.contrastive_text import ContrastiveText
from hf_ssl.pretext.masked_language import MaskedLanguage

TASK = MaskedLanguage(sequence_length=32, vocabulary_size=400, mask_probability=0.5)


@pytest.fixture(scope="module")
def prepared():
    return TASK.prepare(sentences(500)[0])


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = write_parquet(tmp_path_factory.mktemp("data") / "many", count=2000)
    return open_source(DataArguments(dataset_name=str(folder))).train


def test_masks_are_fixed_whatever_training_uses(prepared, rows):
    one = hold_out(TASK, prepared, rows, True, 8)
    other = hold_out(MaskedLanguage(sequence_length=32, mask_probability=0.1), prepared, rows, True, 8)
    assert all(torch.equal(a[name], b[name]) for a, b in zip(one.parts, other.parts, strict=True) for name in a)
    blocks = sum(len(part["input_ids"]) for part in one.parts)
    assert sum(len(part["labels"]) for part in one.parts) == pytest.approx(0.15 * 32 * blocks, rel=0.1)


def test_only_held_out_rows_are_used(prepared, rows):
    held_out = [text for text in sentences(2000)[0] if is_held_out(text)]
    allowed = set(prepared.processor(" ".join(held_out))["input_ids"])
    assert {
        label for part in hold_out(TASK, prepared, rows, True, 8).parts for label in part["labels"].tolist()
    } <= allowed


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


def test_less_than_a_block_is_measured_and_nothing_is_none(prepared, tmp_path):
    folder = write_parquet(tmp_path / "few", count=40, files=1)
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    held_out = hold_out(MaskedLanguage(sequence_length=512), prepared, rows, True, 8)
    assert sum(is_held_out(text) for text in sentences(40)[0]) > 0
    assert len(held_out.parts) > 0
    assert all(part["input_ids"].shape[1] < 512 for part in held_out.parts)
    (tmp_path / "empty.txt").write_text("\n\n")
    assert (
        hold_out(TASK, prepared, open_source(DataArguments(dataset_name=str(tmp_path / "empty.txt"))).train, False, 8)
        is None
    )


def test_bank_and_test_rows_never_meet(rows):
    bank, test = labelled_rows(TASK, rows, None, "label")
    assert not set(bank.inputs) & set(test.inputs)
    assert all(is_held_out(text) for text in test.inputs)
    lookup = dict(zip(*sentences(2000), strict=True))
    assert all(lookup[text] == label for text, label in zip(bank.inputs, bank.labels, strict=True))


def test_too_few_rows_or_one_label_are_not_measured(tmp_path):
    folder = write_parquet(tmp_path / "few", count=30, files=1)
    with pytest.raises(TooFewLabelsError, match="test rows have a label|labels with at least 10"):
        labelled_rows(TASK, open_source(DataArguments(dataset_name=str(folder))).train, None, "label")


def test_features_do_not_depend_on_order_or_padding(prepared):
    model, tokenizer = TASK.model(prepared, 0), prepared.processor
    texts = sentences(100)[0]
    features = embed_texts(model, tokenizer, texts, 32, contextlib.nullcontext)
    backwards = embed_texts(model, tokenizer, texts[::-1], 32, contextlib.nullcontext)
    assert list(features) == ["layer 0 of 3", "layer 2 of 3", "layer 3 of 3"] or len(features) == 3
    for layer, table in features.items():
        assert table.shape == (100, 192)
        assert np.allclose(table, backwards[layer][::-1], atol=1e-4)
        alone = embed_texts(model, tokenizer, texts[:1], 32, contextlib.nullcontext)[layer]
        assert np.allclose(table[:1], alone, atol=1e-4)


def test_what_compares_samples_is_measured_with_as_many_as_it_trains_with(prepared, rows):
    task = ContrastiveText(sequence_length=64, vocabulary_size=400, embedding_size=16)
    (part,) = hold_out(task, prepared, rows, split_by_hash=False, batch_size=700).parts
    assert len(part["first"]) == 700
