"""Masks: how many, where, the same for a key; the sparse head against the stock model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import learned, text_block
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForMaskedLM

from hf_ssl.common.errors import UserError
from hf_ssl.common.randomness import key_of
from hf_ssl.pretext.base import Part
from hf_ssl.pretext.pairing import pair

CASES = [{"sequence_length": 32, "vocabulary_size": 400}]


@pytest.fixture(scope="module")
def prepared():
    return learned(pair("masked_language", "text", **CASES[0]), text_block(300))


@pytest.fixture(scope="module")
def tokenizer(prepared):
    return prepared.processor


def hiding(probability: float):
    return pair("masked_language", "text", mask_probability=probability).task


def blocks(rows: int, length: int = 32, separators: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    tokens = torch.randint(5, 400, (rows, length), generator=generator)
    tokens[:, :separators] = 3
    return tokens


@settings(max_examples=50, deadline=None)
@given(probability=st.floats(0.01, 0.99), separators=st.integers(0, 32), seed=st.integers(0, 2**40))
def test_exactly_the_share_asked_for_is_hidden(prepared, tokenizer, probability, separators, seed):
    task = hiding(probability)
    tokens = blocks(4, separators=separators)
    corrupted = task.corrupt({"input_ids": tokens}, torch.arange(4) + seed, prepared)
    maskable = 32 - separators
    expected = min(maskable, max(1, round(probability * maskable)))
    rows = corrupted["positions"] // 32
    assert torch.bincount(rows, minlength=4).tolist() == [expected] * 4
    assert not torch.isin(corrupted["labels"], torch.tensor(tokenizer.all_special_ids)).any()
    untouched = torch.ones(4 * 32, dtype=torch.bool).index_fill(0, corrupted["positions"], False)
    assert torch.equal(corrupted["input_ids"].flatten()[untouched], tokens.flatten()[untouched])


def test_eighty_ten_ten(prepared, tokenizer):
    tokens = blocks(2000)
    corrupted = hiding(0.5).corrupt({"input_ids": tokens}, torch.arange(2000), prepared)
    inputs = corrupted["input_ids"].flatten()[corrupted["positions"]]
    masked = (inputs == tokenizer.mask_token_id).float().mean().item()
    same = (inputs == corrupted["labels"]).float().mean().item()
    assert masked == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1, abs=0.01)
    replaced = inputs[(inputs != tokenizer.mask_token_id) & (inputs != corrupted["labels"])]
    assert not torch.isin(replaced, torch.tensor(tokenizer.all_special_ids)).any()
    assert len(replaced.unique()) > 350


def test_masks_do_not_depend_on_the_batch(prepared):
    task, tokens, keys = hiding(0.3), blocks(8), torch.tensor([key_of(n) for n in range(8)])
    whole = task.corrupt({"input_ids": tokens}, keys, prepared)["input_ids"]
    parts = [task.corrupt({"input_ids": tokens[i : i + 3]}, keys[i : i + 3], prepared)["input_ids"] for i in (0, 3, 6)]
    assert torch.equal(whole, torch.cat(parts))
    assert not torch.equal(whole, task.corrupt({"input_ids": tokens}, keys + 1, prepared)["input_ids"])


@pytest.mark.parametrize("model_type", ["bert", "modernbert", "roberta", "distilbert", "electra"])
def test_loss_and_gradients_equal_the_stock_model(prepared, model_type):
    sizes = {
        "vocab_size": 400,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    if model_type == "distilbert":
        sizes = {"vocab_size": 400, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    config = AutoConfig.for_model(model_type, **sizes, **special)
    for name in config.to_dict():
        if "dropout" in name and getattr(config, name) is not None:
            setattr(config, name, 0.0)
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(config).train()
    task = hiding(0.15)
    batch = task.corrupt({"input_ids": blocks(6)}, torch.arange(6), prepared)

    labels = torch.full((6 * 32,), -100)
    labels[batch["positions"]] = batch["labels"]
    stock = model(input_ids=batch["input_ids"], labels=labels.view(6, 32)).loss
    stock.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    ours = task.loss(model, batch)["loss"]
    ours.backward()

    assert ours.item() == pytest.approx(stock.item(), abs=1e-6)
    for name, gradient in expected.items():
        assert torch.allclose(dict(model.named_parameters())[name].grad, gradient, atol=1e-5), name
    assert model(input_ids=batch["input_ids"]).logits.shape == (6, 32, 400)  # the model is stock again


def test_a_model_that_says_nothing_scores_the_frequencies(prepared):
    """A new model starts at what token frequencies alone would say, and the figure beside it is that."""
    task = hiding(0.15)
    counts = prepared.statistics["token_counts"].double()
    tokens = torch.multinomial(counts, 64 * 32, replacement=True, generator=torch.Generator().manual_seed(0))
    part = Part(task.corrupt({"input_ids": tokens.view(64, 32)}, torch.arange(64), prepared), 64)
    model = task.model(prepared, 0).eval()
    with torch.no_grad():
        for parameter in model.base_model.parameters():
            parameter.zero_()
        model.head.norm.weight.zero_()
        loss = task.loss(model, part.inputs)["loss"].item()
    figures = task.heldout_figures({"loss": loss, "accuracy": 0.1}, [part], prepared)
    assert set(figures) == {"loss", "perplexity", "masked_accuracy", "unigram_loss"}
    assert figures["unigram_loss"] == pytest.approx(loss, abs=1e-4)
    assert figures["perplexity"] == pytest.approx(np.exp(loss), rel=1e-5)
    halves = [Part({"labels": labels}, 32) for labels in part.inputs["labels"].split(100)]
    assert task.heldout_figures({"loss": loss, "accuracy": 0.1}, halves, prepared)["unigram_loss"] == pytest.approx(
        figures["unigram_loss"]
    )


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"mask_probability": 0.0}, "--mask_probability must lie between 0 and 1, not 0.0"),
        ({"mask_probability": 1.0}, "--mask_probability must lie between 0 and 1, not 1.0"),
        ({"text_encoder": "static"}, "masked_language needs --text_encoder transformer, not static"),
        ({"vocabulary_size": 299}, "--vocabulary_size must be at least 300"),
        ({"sequence_length": 7}, "--sequence_length must be at least 8"),
        ({"dropout": 1.0}, "--dropout must be at least 0 and below 1"),
        ({"config_name": "a", "model_name_or_path": "b"}, "exclude each other"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match):
        pair("masked_language", "text", **flags)
