"""Models of the Hub are what their runs left, or what their configurations say; all others are refused with a sentence."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import SMALL_IMAGES, image_block, pretrain
from hub_fixtures import REPO
from huggingface_hub import HfApi
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5Model,
    ViTConfig,
    ViTForImageClassification,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_ssl.errors import UserError
from hf_ssl.hub.download import load_models, load_published
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository
from hf_ssl.pretrained import load_pretrained
from hf_ssl.training.run_folder import RunFolder

TEXTS = ["the ship and the sail", "rose soil seed bloom", "butter"]
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VIT = BERT | {"image_size": 16, "patch_size": 4}


def features(model, encoder, inputs) -> dict[str, np.ndarray]:
    return model.embed(encoder, inputs, "features")


def assert_equal(first, second, inputs) -> None:
    """Features are those of the other, trained and untrained."""
    for one, other in ((first.encoder, second.encoder), (first.untrained(3), second.untrained(3))):
        expected, found = features(first, one, inputs), features(second, other, inputs)
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(values, found[name])


def pictures() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, (16, 16, 3)).astype(np.uint8) for _ in range(3)]


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


def test_a_published_run(send, api, run_folder):
    run = load_pretrained(run_folder)
    commit = send().commit
    published = load_published(REPO, api=api)
    assert (published.name, published.path.name, published.model_folder) == (REPO, commit, published.path)
    assert published.task == run.task
    assert published.identity == run.identity
    assert_equal(run, published, TEXTS)
    named, same = load_models([str(run_folder), REPO], api)
    assert (named.name, same.name) == (run_folder.name, REPO)


def test_a_published_run_of_images(api, images, tmp_path):
    base = tmp_path / "base"
    ViTMAEForPreTraining(ViTMAEConfig(**VIT, decoder_hidden_size=16, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2, decoder_intermediate_size=32)).save_pretrained(base)  # fmt: skip
    flags = [*SMALL_IMAGES, "--task=masked_image", "--dataset_name", images, "--output_dir", tmp_path / "run"]
    pretrain(*flags, "--model_name_or_path", base, script="pretrain.py")
    folder = RunFolder.existing(tmp_path / "run")
    api.create_repo(REPO)
    publish(Publication(folder, json.loads(folder.results.read_text()), Repository.look(api, REPO)))
    run = load_pretrained(folder.path)
    before = features(run, run.untrained(3), pictures())
    shutil.rmtree(base)  # what it began with is on nobody else's machine
    published = load_published(REPO, api=api)
    assert published.task.model_name_or_path == "base"
    assert_equal(run, published, pictures())
    for name, values in features(published, published.untrained(3), pictures()).items():
        np.testing.assert_array_equal(values, before[name])


def test_a_revision_and_the_cache(send, api, hub, results, monkeypatch):
    commit = send().commit
    send(results=results | {"seed": 5})
    assert load_published(REPO, commit, api).path.name == commit
    newest = load_published(REPO, api=api)
    assert newest.path.name != commit
    nobody = HfApi("http://127.0.0.1:9", token="hf_x")
    assert load_published(REPO, api=nobody).path == newest.path
    assert load_published(REPO, commit, nobody).path.name == commit
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        requests = len(hub.log)
        assert load_published(REPO, api=api).path == newest.path
        with pytest.raises(UserError, match="cannot download 'alice/other'"):
            load_published("alice/other", api=api)
        assert len(hub.log) == requests
    hub.faults.plan("GET .*", times=100, status=503)
    assert load_published(REPO, api=api).path == newest.path


def test_nothing_that_could_run_code_is_downloaded(send, api):
    send()
    for name in ("pytorch_model.bin", "modeling.py", "old/model.safetensors"):
        api.upload_file(path_or_fileobj=b"of others", path_in_repo=name, repo_id=REPO)
    names = {path.name for path in load_published(REPO, api=api).path.iterdir()}
    assert {"model.safetensors", "results.json", "statistics.safetensors"} <= names
    assert not names & {"pytorch_model.bin", "modeling.py", "old"}


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
        (lambda size: BertModel(BertConfig(vocab_size=size, max_position_embeddings=40, **BERT)), "contrastive_text"),
    ],
)
def test_a_stock_model_of_text(make, task, pushed, tokenizer, api):
    if task == "causal_language":
        tokenizer.backend_tokenizer.post_processor = None  # closes nothing
        tokenizer.pad_token = None
    stock = make(len(tokenizer))
    model = load_published(pushed(stock, tokenizer), api=api)
    assert (model.task.name, model.task.sequence_length, model.results) == (task, 40, {})
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
    assert (model.task.name, model.task.image_size, model.task.patch_size) == (task, 16, 4)
    assert list(model.prepared.processor.image_mean) == [0.5, 0.4, 0.3]
    assert list(model.prepared.processor.image_std) == [0.2, 0.2, 0.1]
    assert task != "masked_image" or (model.task.objective, model.task.mask_ratio) == ("mae", 0.5)
    for encoder in (model.encoder, model.untrained(1)):
        assert features(model, encoder, pictures())["last layer"].shape == (3, 16)
    block = image_block(2)
    assert model.task.for_columns(block.table, "made up").reader().read(block)[0]


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
    refused("the token is not valid", "alice/empty", api=HfApi(hub.url, token="hf_unknown"))
    config = T5Config(vocab_size=len(tokenizer), d_model=16, d_ff=32, num_layers=1, num_heads=2, d_kv=8)
    refused(r"'alice/t5' \(t5\) is neither an encoder of text nor", pushed(T5Model(config), tokenizer, "alice/t5"))
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
    with pytest.raises(UserError, match="cannot make a model of 'alice/stock'"):
        load_published("alice/stock", api=api)
    assert not ran.exists()


def test_results_that_were_tampered_with(send, api, remote):
    send()
    results = json.loads(remote.text("results.json"))
    for wrong in ({"sequence_length": "long"}, {"sequence_length": 2}):
        changed = results | {"settings": results["settings"] | wrong}
        api.upload_file(path_or_fileobj=json.dumps(changed).encode(), path_in_repo="results.json", repo_id=REPO)
        with pytest.raises(UserError, match="what 'alice/model' says of its training|--sequence_length must be"):
            load_published(REPO, api=api)
    for other in ([], {"task": "unheard_of"}, {k: v for k, v in results.items() if k != "settings"}):
        api.upload_file(path_or_fileobj=json.dumps(other).encode(), path_in_repo="results.json", repo_id=REPO)
        assert load_published(REPO, api=api).results == {}
