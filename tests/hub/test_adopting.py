"""Models of the Hub that no run published count as what their configurations say; all others are refused with a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from conftest import image_block
from hub_fixtures import TEXTS, features, pictures
from huggingface_hub import HfApi
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    ViTConfig,
    ViTForImageClassification,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_ssl.common.errors import UserError
from hf_ssl.hub.download import load_published
from hf_ssl.modalities.text.static import StaticConfig, StaticModel
from hf_ssl.runs.pretrained import load_pretrained

BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VIT = BERT | {"image_size": 16, "patch_size": 4}


@pytest.fixture
def tokenizer(finished_run):
    return load_pretrained(finished_run).prepared.processor


@pytest.fixture
def pushed(api, tmp_path):
    """Put a model and its processor on the Hub, as anybody may."""

    def push(model, processor, repo="alice/stock"):
        api.create_repo(repo, exist_ok=True)
        model.save_pretrained(tmp_path / "stock")
        if processor is not None:
            processor.save_pretrained(tmp_path / "stock")
        api.upload_folder(folder_path=tmp_path / "stock", repo_id=repo)
        return repo

    return push


@pytest.mark.parametrize(
    ("make", "task"),
    [
        (
            lambda size: BertForMaskedLM(BertConfig(vocab_size=size, max_position_embeddings=40, **BERT)),
            "masked_language",
        ),
        (
            lambda size: GPT2LMHeadModel(GPT2Config(vocab_size=size, n_positions=40, n_embd=16, n_layer=2, n_head=2)),
            "causal_language",
        ),
        (lambda size: BertModel(BertConfig(vocab_size=size, max_position_embeddings=40, **BERT)), "contrastive"),
    ],
)
def test_a_stock_model_of_text(make, task, pushed, tokenizer, api):
    if task == "causal_language":
        tokenizer.backend_tokenizer.post_processor = None  # closes nothing
        tokenizer.pad_token = None
    stock = make(len(tokenizer))
    model = load_published(pushed(stock, tokenizer), api=api)
    assert (model.task.name, model.modality.sequence_length, model.results) == (task, 40, None)
    assert model.identity == f"alice/stock {model.path.name}"
    tokens = tokenizer(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        expected = stock.eval().base_model(**tokens).last_hidden_state.mean(1).numpy()
    np.testing.assert_allclose(
        features(model, model.encoder, TEXTS)["layer 2 of 2"][:1], expected, atol=0.02
    )  # perhaps in bf16
    first, again, other = (features(model, model.untrained(seed), TEXTS)["layer 2 of 2"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert np.abs(first - features(model, model.encoder, TEXTS)["layer 2 of 2"]).max() > 0.01


def test_a_static_model_of_text(pushed, tokenizer, api):
    stock = StaticModel(StaticConfig(len(tokenizer), 16))
    model = load_published(pushed(stock, tokenizer), api=api)
    assert (model.task.name, model.modality.text_encoder, model.results) == ("contrastive", "static", None)
    (found,) = features(model, model.encoder, TEXTS).values()
    tokens = tokenizer.backend_tokenizer.encode(TEXTS[0], add_special_tokens=False).ids
    np.testing.assert_allclose(found[0], stock.embedding.weight[tokens].mean(0).detach(), rtol=1e-5, atol=1e-6)
    assert np.abs(found - next(iter(features(model, model.untrained(1), TEXTS).values()))).max() > 0.01


@pytest.mark.parametrize(
    ("make", "task"),
    [
        (
            lambda: ViTMAEForPreTraining(ViTMAEConfig(mask_ratio=0.5, decoder_num_hidden_layers=1, **VIT)),
            "masked_image",
        ),
        (lambda: ViTForImageClassification(ViTConfig(**VIT)), "contrastive"),
    ],
)
def test_a_stock_model_of_images(make, task, pushed, api):
    processor = ViTImageProcessorPil(image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.2, 0.1])
    model = load_published(pushed(make(), processor), api=api)
    assert (model.task.name, model.modality.image_size, model.modality.patch_size) == (task, 16, 4)
    assert (model.modality.architecture, model.results) == ("vit", None)
    assert list(model.prepared.processor.image_mean) == [0.5, 0.4, 0.3]
    assert list(model.prepared.processor.image_std) == [0.2, 0.2, 0.1]
    assert task != "masked_image" or (model.task.objective, model.task.mask_ratio) == ("mae", 0.5)
    for encoder in (model.encoder, model.untrained(1)):
        assert features(model, encoder, pictures())["last layer"].shape == (3, 16)
    block = image_block(2)
    assert model.modality.for_columns(block.table, "made up").reader().read(block)[0]


def test_refusals(pushed, tokenizer, api, hub, monkeypatch):
    def refused(match, name, api=api, revision=None):
        with pytest.raises(UserError, match=match) as caught:
            load_published(name, revision, api)
        assert "\n" not in str(caught.value)

    refused("there is no folder 'alice/nothing' here, and no such model on the Hub", "alice/nothing")
    refused("'a name' is neither the folder of a run nor the id of a model", "a name")
    api.create_repo("alice/empty")
    refused("'alice/empty' has no config.json", "alice/empty")
    refused("'alice/empty' has no revision 'old' on the Hub", "alice/empty", revision="old")
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="alice/empty")
    api.upload_file(path_or_fileobj=b"pickle", path_in_repo="pytorch_model.bin", repo_id="alice/empty")
    refused("'alice/empty' has no weights as safetensors, and no others are loaded", "alice/empty")
    api.create_repo("alice/gated")
    api.update_repo_settings("alice/gated", gated="auto")
    refused("'alice/gated' is gated", "alice/gated", api=HfApi(hub.url, token="hf_bob_write"))
    api.create_repo("alice/secret", private=True)
    refused("there is no folder 'alice/secret' here", "alice/secret", api=HfApi(hub.url, token="hf_bob_write"))
    refused("the token is invalid or has expired", "alice/empty", api=HfApi(hub.url, token="hf_unknown"))
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
    )  # fmt: skip
    refused(
        r"'alice/bart' \(bart\) fits none of the modalities images, text",
        pushed(BartModel(config), tokenizer, "alice/bart"),
    )
    monkeypatch.setattr("hf_ssl.hub.download.BRIEF", 0.0)
    refused(
        "cannot download 'alice/never' .*: is http://127.0.0.1:9 reachable", "alice/never", HfApi("http://127.0.0.1:9")
    )


def test_code_of_a_repository_is_not_run(pushed, tokenizer, api, tmp_path):
    pushed(BertModel(BertConfig(vocab_size=len(tokenizer), **BERT)), tokenizer)
    config = json.loads((tmp_path / "stock" / "config.json").read_text())
    config |= {"model_type": "unheard_of", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    ran = tmp_path / "ran"
    for name, content in {"config.json": json.dumps(config), "own.py": f"open({str(ran)!r}, 'w')"}.items():
        api.upload_file(path_or_fileobj=content.encode(), path_in_repo=name, repo_id="alice/stock")
    with pytest.raises(UserError, match="cannot make the model 'alice/stock'"):
        load_published("alice/stock", api=api)
    assert not ran.exists()
