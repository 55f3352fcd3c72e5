"""Models that were published from a run are what that run left, wherever they are loaded."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import SMALL, SMALL_IMAGES, pretrain, write_parquet
from hub_fixtures import REPO, TEXTS, features, pictures
from huggingface_hub import HfApi
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.hub.download import load_models, load_published
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository
from hf_ssl.runs.pretrained import load_pretrained
from hf_ssl.runs.results import read_results

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
DECODER = {f"decoder_{name}": value for name, value in TINY.items()} | {"decoder_num_hidden_layers": 1}


def assert_equal(first, second, inputs) -> None:
    """Features are those of the other, trained and untrained."""
    for one, other in ((first.encoder, second.encoder), (first.untrained(3), second.untrained(3))):
        expected, found = features(first, one, inputs), features(second, other, inputs)
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(values, found[name])


def test_a_published_run(send, api, run_folder):
    run = load_pretrained(run_folder)
    commit = send().commit
    published = load_published(REPO, api=api)
    assert (published.name, published.path.name, published.model_folder) == (REPO, commit, published.path)
    assert published.task == run.task
    assert published.modality == run.modality
    assert published.results.cost == run.results.cost
    assert published.identity == run.identity
    assert_equal(run, published, TEXTS)
    named, same = load_models([str(run_folder), REPO], api)
    assert (named.name, same.name) == (run_folder.name, REPO)


def test_a_published_run_of_images(api, images, tmp_path):
    base = tmp_path / "base"
    ViTMAEForPreTraining(ViTMAEConfig(**TINY, **DECODER, image_size=16, patch_size=4)).save_pretrained(base)
    flags = [*SMALL_IMAGES, "--task=masked_image", "--dataset_name", images, "--output_dir", tmp_path / "run"]
    pretrain(*flags, "--model_name_or_path", base, script="pretrain.py")
    folder = RunFolder.existing(tmp_path / "run")
    api.create_repo(REPO)
    publish(Publication(folder, read_results(folder), Repository.look(api, REPO)))
    run = load_pretrained(folder.path)
    before = features(run, run.untrained(3), pictures())
    shutil.rmtree(base)  # what it began with is on nobody else's machine
    published = load_published(REPO, api=api)
    assert published.modality.model_name_or_path == "base"
    assert_equal(run, published, pictures())
    for name, values in features(published, published.untrained(3), pictures()).items():
        np.testing.assert_array_equal(values, before[name])


@pytest.mark.parametrize(
    ("modality", "changed"), [("text", {"largest_crop": 0.5}), ("images", {"grey_share": 0.0, "mirror": False})]
)
def test_a_published_run_with_views(modality, changed, api, images, tmp_path):
    sentences = write_parquet(tmp_path / "sentences", labelled=False)
    small, data = {"text": (SMALL, sentences), "images": (SMALL_IMAGES, images)}[modality]
    flags = [f"--{name}={value}" for name, value in changed.items()]
    where = ("--dataset_name", data, "--output_dir", tmp_path / "run")
    pretrain(*small, *flags, "--task=contrastive", *where, script="pretrain.py")
    folder = RunFolder.existing(tmp_path / "run")
    api.create_repo(REPO)
    publish(Publication(folder, read_results(folder), Repository.look(api, REPO)))
    run, published = load_pretrained(folder.path), load_published(REPO, api=api)
    assert (published.task, published.modality) == (run.task, run.modality)
    assert published.task.name == "contrastive"
    assert changed.items() <= vars(published.modality.views).items()
    assert_equal(run, published, TEXTS if modality == "text" else pictures())


def test_a_revision_and_the_cache(send, api, hub, results, monkeypatch):
    commit = send().commit
    send(results=replace(results, seed=5))
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


def test_results_that_were_tampered_with(send, api, remote):
    send()
    results = json.loads(remote.text("results.json"))
    for wrong in ({"sequence_length": "long"}, {"sequence_length": 2}):
        changed = results | {"settings": results["settings"] | wrong}
        api.upload_file(path_or_fileobj=json.dumps(changed).encode(), path_in_repo="results.json", repo_id=REPO)
        with pytest.raises(UserError, match="what 'alice/model' says of its training|--sequence_length must be"):
            load_published(REPO, api=api)
    strangers = (
        [],
        {"task": "unheard_of"},
        results | {"task": "unheard_of"},
        results | {"modality": "unheard_of"},
        results | {"format": 1},
        results | {"data": []},
        results | {"settings": None},
        {name: value for name, value in results.items() if name != "cost"},
    )
    for other in strangers:
        api.upload_file(path_or_fileobj=json.dumps(other).encode(), path_in_repo="results.json", repo_id=REPO)
        model = load_published(REPO, api=api)
        assert (model.results, model.task.name, model.modality.name) == (None, "masked_language", "text")
