"""Masks: how many, where, the same for a key; the sparse head against the stock model."""

import numpy as np
import pytest
import torch
from conftest import sentences
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForMaskedLM

from hf_ssl.data.vocabulary import train_tokenizer
from hf_ssl.pretext.base import Prepared
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.randomness import key_of, random_bits, random_uniform

CASES = [{"sequence_length": 32, "vocabulary_size": 400}]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(sentences(300)[0], 400, 32)


@pytest.fixture(scope="module")
def prepared(tokenizer):
    return Prepared(tokenizer)


def blocks(rows: int, length: int = 32, separators: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    tokens = torch.randint(5, 400, (rows, length), generator=generator)
    tokens[:, :separators] = 3
    return tokens


@settings(max_examples=50, deadline=None)
@given(probability=st.floats(0.01, 0.99), separators=st.integers(0, 32), seed=st.integers(0, 2**40))
def test_exactly_the_share_asked_for_is_hidden(prepared, tokenizer, probability, separators, seed):
    task = MaskedLanguage(mask_probability=probability)
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
    corrupted = MaskedLanguage(mask_probability=0.5).corrupt({"input_ids": tokens}, torch.arange(2000), prepared)
    inputs = corrupted["input_ids"].flatten()[corrupted["positions"]]
    masked = (inputs == tokenizer.mask_token_id).float().mean().item()
    same = (inputs == corrupted["labels"]).float().mean().item()
    assert masked == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1, abs=0.01)
    replaced = inputs[(inputs != tokenizer.mask_token_id) & (inputs != corrupted["labels"])]
    assert not torch.isin(replaced, torch.tensor(tokenizer.all_special_ids)).any()
    assert len(replaced.unique()) > 350


def test_masks_do_not_depend_on_the_batch(prepared):
    task, tokens, keys = MaskedLanguage(), blocks(8), torch.tensor([key_of(n) for n in range(8)])
    whole = task.corrupt({"input_ids": tokens}, keys, prepared)["input_ids"]
    parts = [task.corrupt({"input_ids": tokens[i : i + 3]}, keys[i : i + 3], prepared)["input_ids"] for i in (0, 3, 6)]
    assert torch.equal(whole, torch.cat(parts))
    assert not torch.equal(whole, task.corrupt({"input_ids": tokens}, keys + 1, prepared)["input_ids"])


def test_random_bits_are_spread_and_repeatable():
    numbers = random_uniform(torch.arange(1000), 100)
    assert torch.equal(numbers, random_uniform(torch.arange(1000), 100))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = torch.histc(numbers.float(), 20, 0, 1)
    assert ((counts - 5000).abs() < 5 * 5000**0.5).all()
    assert abs(np.corrcoef(numbers[:, 0], numbers[:, 1])[0, 1]) < 0.1
    assert random_bits(torch.tensor([1]), 2)[0, 0].item() == (
        0x910A2DEC89025CC1 - 2**64
    )  # SplitMix64's reference value


@pytest.mark.parametrize("model_type", ["bert", "modernbert", "roberta", "distilbert", "electra"])
def test_loss_and_gradients_equal_the_stock_model(tokenizer, model_type):
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
    task = MaskedLanguage(mask_probability=0.15)
    batch = task.corrupt({"input_ids": blocks(6)}, torch.arange(6), Prepared(tokenizer))

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
