"""The next token: targets, the loss against the stock model, where it starts, prompts that are left open."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
import torch
from conftest import SMALL, learned, pretrain, sentences, text_batch, text_block
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, pipeline

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.prepared import Needs
from hf_ssl.modalities.text.vocabulary import count_tokens, train_tokenizer
from hf_ssl.pretext.pairing import pair
from hf_ssl.runs.metadata import as_yaml, metadata
from hf_ssl.runs.results import RunResults

CASES = [{"sequence_length": 32, "vocabulary_size": 400}]
TASK = pair("causal_language", "text").task


@pytest.fixture(scope="module")
def prepared():
    return learned(pair("causal_language", "text", **CASES[0]), text_block(300))


@pytest.fixture(scope="module")
def finished(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("causal") / "run"
    flags = ["--task", "causal_language", *SMALL, "--dataset_name", parquet, "--output_dir", folder]
    pretrain(*flags, script="pretrain.py")
    return folder


def blocks(rows: int, length: int = 32) -> torch.Tensor:
    return torch.randint(2, 400, (rows, length), generator=torch.Generator().manual_seed(rows))


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 5), length=st.integers(2, 40))
def test_the_target_of_a_token_is_the_next_one(prepared, rows, length):
    tokens = blocks(rows, length)
    batch = TASK.corrupt({"input_ids": tokens}, torch.arange(rows), prepared)
    assert torch.equal(batch["input_ids"], tokens)
    assert batch["labels"].tolist() == [token for row in tokens.tolist() for token in row[1:]]


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "qwen3", "gpt_neox"])
def test_loss_and_gradients_equal_the_stock_model(prepared, model_type):
    sizes = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 64, "num_key_value_heads": 2, "head_dim": 16}
    if model_type == "gpt2":
        sizes = {"vocab_size": 400, "n_embd": 32, "n_layer": 2, "n_head": 2}
    config = AutoConfig.for_model(model_type, **sizes, bos_token_id=1, eos_token_id=1, pad_token_id=0)
    for name in config.to_dict():
        if "pdrop" in name or "dropout" in name:
            setattr(config, name, 0.0)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).train()
    tokens = blocks(6)
    stock = model(input_ids=tokens, labels=tokens).loss
    stock.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    ours = TASK.loss(model, TASK.corrupt({"input_ids": tokens}, torch.arange(6), prepared))["loss"]
    ours.backward()
    assert ours.item() == pytest.approx(stock.item(), abs=1e-5)
    for name, gradient in expected.items():
        assert torch.allclose(dict(model.named_parameters())[name].grad, gradient, atol=1e-5), name


def test_a_new_model_starts_at_the_unigram_loss(prepared):
    model = TASK.model(prepared, 0)
    counts = prepared.statistics["token_counts"].double()
    tokens = torch.multinomial(counts, 64 * 32, replacement=True, generator=torch.Generator().manual_seed(0)).view(
        64, 32
    )
    with torch.no_grad():
        batch = TASK.corrupt({"input_ids": tokens}, torch.arange(64), prepared)
        loss = TASK.loss(model, batch)["loss"].item()
    unigram = -((counts + 1) / (counts + 1).sum()).log()[batch["labels"]].mean().item()
    assert loss == pytest.approx(unigram, abs=0.1)
    assert unigram < torch.tensor(400.0).log().item() - 0.5


def test_a_prompt_begins_with_the_end_of_another_document_and_is_left_open(prepared):
    tokenizer = prepared.processor
    end = tokenizer.eos_token_id
    assert tokenizer("the garden")["input_ids"] == [
        end, *tokenizer("the garden", add_special_tokens=False)["input_ids"]
    ]  # fmt: skip
    assert count_tokens(tokenizer, ["the garden", "the ship"])[end] == 2  # a document in a block is closed
    assert tokenizer.pad_token_id not in (None, end)


def test_tokenizers_that_close_texts_are_refused(tmp_path):
    train_tokenizer(sentences(100)[0], 400, 32).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="closes every text"):
        text_batch("causal_language", tokenizer_name=str(tmp_path))


def test_a_stock_tokenizer_needs_no_mask_and_no_padding_token(prepared, tmp_path):
    prepared.processor.save_pretrained(tmp_path / "padded")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "padded")
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path / "stock")
    task, again, _ = text_batch("causal_language", sequence_length=32, tokenizer_name=str(tmp_path / "stock"))
    assert again.processor.pad_token_id == again.processor.eos_token_id
    texts = ["a garden", "the ship and the sea"]
    assert again.modality.embed(task.model(again, 0), again, texts, torch.no_grad)
    with pytest.raises(UserError, match="has no mask token"):  # which other tasks need
        again.modality.prepare(texts, Needs(packed=True))


@pytest.mark.parametrize("model_type", ["llama", "bert"])
def test_nothing_looks_ahead(tmp_path, model_type):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    AutoConfig.for_model(model_type, **sizes).save_pretrained(tmp_path)
    _, named, _ = text_batch("causal_language", **CASES[0], config_name=str(tmp_path))
    model = TASK.model(named, 0).eval()
    tokens = blocks(2)
    other = torch.cat([tokens[:, :20], blocks(2, 12)], dim=1)
    with torch.no_grad():
        states, changed = (model.base_model(input_ids=ids).last_hidden_state for ids in (tokens, other))
    assert torch.allclose(states[:, :20], changed[:, :20], atol=1e-5)
    assert not torch.allclose(states[:, 20:], changed[:, 20:], atol=1e-2)


def test_the_model_folder_writes_on_and_stops_at_the_end(finished, capfd):
    model, information = AutoModelForCausalLM.from_pretrained(finished / "model", output_loading_info=True)
    assert not information["missing_keys"]
    assert not information["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(finished / "model")
    assert model.config.eos_token_id == model.generation_config.eos_token_id == tokenizer.eos_token_id
    prompt = tokenizer("the garden", return_tensors="pt")
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] = (
            1e3 * model(**prompt, output_hidden_states=True).hidden_states[-1][0, -1]
        )
    assert model.generate(**prompt, max_new_tokens=9)[0].tolist() == [*prompt["input_ids"][0], tokenizer.eos_token_id]
    generate = pipeline("text-generation", model=str(finished / "model"))
    capfd.readouterr()
    said = generate("The garden", max_new_tokens=5, do_sample=False)[0]["generated_text"]
    assert said.lower().split()[:2] == ["the", "garden"]
    assert "token" not in capfd.readouterr().err  # no warning of one that is not set


def test_figures_bear_their_names(finished):
    results = json.loads((finished / "results.json").read_text())
    assert set(results["heldout"]) == {"loss", "perplexity", "accuracy", "unigram_loss"}
    assert 0 < results["heldout"]["accuracy"] < 1
    text = as_yaml(metadata("run", RunResults.of(results)))
    assert "text-generation" in text
    assert "name: perplexity" in text
    assert "pseudo" not in text
    card = (finished / "README.md").read_text()
    assert f"| top-1 accuracy on next tokens | {100 * results['heldout']['accuracy']:.1f} % |" in card
    assert "lower case only" in card


@pytest.mark.slow
def test_the_loading_block_runs_without_our_package(finished, tmp_path):
    block = re.search(r"```python\n(.*?)```", (finished / "README.md").read_text(), re.S).group(1)
    shutil.copytree(finished / "model", tmp_path / "model")
    hide = "import sys; sys.modules['hf_ssl'] = None\n"
    result = subprocess.run([sys.executable, "-c", hide + block], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "MISSING" not in result.stderr + result.stdout
    assert "brown fox jumps over the" in result.stdout
