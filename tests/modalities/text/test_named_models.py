"""Models and tokenizers that people name: positions, added tokens, holes, decoders, pickles, very long words."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import transformers
from conftest import SMALL, pretrain, refused, sentences
from tiny_models import tiny_config
from transformers import AutoModel, BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.prepared import Needs
from hf_ssl.modalities.text.modality import Text
from hf_ssl.modalities.text.sparse_prediction import is_exact, logits_at
from hf_ssl.modalities.text.trial import positions_of
from hf_ssl.modalities.text.vocabulary import count_tokens, load_tokenizer, train_tokenizer, vocabulary_size

CONTRASTIVE = ["--task=contrastive", "--text_encoder=transformer", *SMALL, "--max_steps=2"]


def checkpoint(folder: Path, name: str, kind: str, causal: bool = False, **options) -> Path:
    """A tiny model with a tokenizer of its own."""
    tokenizer = train_tokenizer(sentences(200)[0], 400, 32, causal)
    config = tiny_config(name)
    config.update({"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id} | options)
    getattr(transformers, kind)(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("texts", [["ab" * 300_000, *sentences(400)[0]], ["acgt" * 250_000]])
def test_words_without_an_end_are_cut_while_the_vocabulary_is_learned(texts):
    begun = time.process_time()
    tokenizer = train_tokenizer(texts, 8192, 128)
    assert time.process_time() - begun < 10
    assert (
        tokenizer.decode(tokenizer(texts[0][:1000], add_special_tokens=False)["input_ids"]).strip() == texts[0][:1000]
    )


def test_ordinary_words_are_learned_as_before():
    texts = sentences(300)[0]
    assert train_tokenizer(texts, 400, 32).get_vocab() == train_tokenizer([*texts, ""], 400, 32).get_vocab()
    assert "Ġgarden" in train_tokenizer(texts, 600, 32).get_vocab()


@pytest.mark.parametrize(
    ("name", "room"), [("camembert", 64), ("roberta", 64), ("bert", 66), ("bart", 66), ("esm", 64)]
)
def test_the_model_is_asked_for_its_positions(name, room, tmp_path):
    config = tiny_config(name)
    config.update({"max_position_embeddings": 66, "pad_token_id": 1, "vocab_size": 400})
    model = AutoModel.from_config(config)
    assert positions_of(model) == room
    tokens = torch.arange(5, 5 + room)[None]
    model(input_ids=tokens)
    if name != "esm":  # which looks positions up by rows that repeat no token
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.arange(5, 6 + room)[None])


def test_too_long_for_camembert(tmp_path, parquet):
    named = checkpoint(
        tmp_path / "model", "camembert", "CamembertForMaskedLM", max_position_embeddings=66, pad_token_id=1
    )
    with pytest.raises(UserError, match="--sequence_length 66 is longer than the 64 positions of the model"):
        pretrain(
            "--dataset_name",
            parquet,
            "--model_name_or_path",
            named,
            "--sequence_length=66",
            "--max_steps=2",
            "--output_dir",
            tmp_path / "run",
        )


def test_tokens_that_were_added_get_an_embedding(tmp_path, parquet):
    named = checkpoint(tmp_path / "model", "roberta", "RobertaModel")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(named)
    tokenizer.add_tokens(["garden", "harbour", "kitchen"])
    tokenizer.save_pretrained(named)
    flags = ["--model_name_or_path", named, "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    pretrain(*CONTRASTIVE, *flags, script="pretrain.py")
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["vocab_size"] == len(tokenizer)


def with_holes(folder: Path) -> Path:
    """A tokenizer whose last tokens have larger ids than it has tokens."""
    tokenizer = train_tokenizer(sentences(200)[0], 400, 32)
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    for word in sorted(vocabulary, key=vocabulary.get)[-3:]:
        vocabulary[word] += 50
    tokenizer.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return folder


def test_ids_with_holes_are_counted_to_the_largest(tmp_path, parquet):
    tokenizer = load_tokenizer(str(with_holes(tmp_path / "tokenizer")), Needs(packed=True))
    assert vocabulary_size(tokenizer) == len(tokenizer) + 50
    assert len(count_tokens(tokenizer, sentences(50)[0])) == len(tokenizer) + 50
    named = ["--tokenizer_name", tmp_path / "tokenizer", "--dataset_name", parquet]
    pretrain(*SMALL, "--max_steps=2", *named, "--output_dir", tmp_path / "masked")
    pretrain(*CONTRASTIVE, *named, "--output_dir", tmp_path / "contrastive", script="pretrain.py")


@pytest.mark.parametrize(
    ("name", "kind", "kept"),
    [("gpt2", "GPT2LMHeadModel", "GPT2Model"), ("t5", "T5ForConditionalGeneration", "T5EncoderModel")],
)
def test_decoders_and_encoder_decoders_learn_by_contrast(name, kind, kept, tmp_path, parquet):
    named = checkpoint(tmp_path / "model", name, kind, causal=True)
    flags = ["--model_name_or_path", named, "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    pretrain(*CONTRASTIVE, *flags, script="pretrain.py")
    assert json.loads((tmp_path / "run" / "results.json").read_text())["model"]["name"] == kept


def test_a_tokenizer_without_a_mask_is_refused_where_one_is_needed(tmp_path, parquet):
    named = checkpoint(tmp_path / "model", "gpt2", "GPT2LMHeadModel", causal=True)
    flags = ["--dataset_name", parquet, "--tokenizer_name", named]
    refused(tmp_path / "run", *flags, match="has no mask token; masked language modelling needs one")


@pytest.mark.filterwarnings("ignore")  # of transformers, when it looks for other weights
def test_pickled_weights_are_converted_by_the_command_in_the_sentence(tmp_path, parquet):
    named = checkpoint(tmp_path / "model", "bert", "BertForMaskedLM")
    model = BertForMaskedLM.from_pretrained(named)
    torch.save(model.state_dict(), named / "pytorch_model.bin")
    (named / "model.safetensors").unlink()
    flags = [
        "--model_name_or_path",
        named,
        "--dataset_name",
        parquet,
        *SMALL,
        "--max_steps=2",
        "--output_dir",
        tmp_path / "run",
    ]
    with pytest.raises(UserError, match="pickled weights are never loaded") as caught:
        pretrain(*flags)
    words = shlex.split(re.search(r'python -c ".*"', str(caught.value)).group())
    subprocess.run([sys.executable, *words[1:]], cwd=named, check=True)
    pretrain(*flags)
    assert (tmp_path / "run" / "results.json").exists()


def test_only_what_is_exact_skips_tokens():
    tokens, positions = torch.arange(5, 21).view(2, 8), torch.tensor([1, 6, 9])
    for name, exact in {"bert": True, "luke": False}.items():
        model = transformers.AutoModelForMaskedLM.from_config(tiny_config(name)).eval()
        assert is_exact(model, tokens) == exact
        with torch.no_grad():
            whole = model(input_ids=tokens).logits.flatten(0, 1)[positions]
            assert torch.allclose(logits_at(model, positions, input_ids=tokens).view_as(whole), whole, atol=1e-5)


def test_trying_a_model_out_changes_nothing(tmp_path):
    config = BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    BertForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer = train_tokenizer(sentences(200)[0], 400, 32)
    state = torch.get_rng_state()
    prepared = Text(text_column="text").prepare(sentences(50)[0], Needs(packed=True))
    del prepared
    from hf_ssl.modalities.text.encoders import language_model

    flags = Text(model_name_or_path=str(tmp_path), sequence_length=32)
    model = language_model(flags, tokenizer, count_tokens(tokenizer, sentences(50)[0]), 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
