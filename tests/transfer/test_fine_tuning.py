"""Fine-tuning: learns, keeps to its seed, starts from a probe, and what comes out loads with the stock class."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import SMALL, SMALL_IMAGES, pretrain, sentences, write_images
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification

from hf_ssl.errors import UserError
from hf_ssl.pretrained import load_pretrained
from hf_ssl.transfer.classifier import classifier_of
from hf_ssl.transfer.fine_tuning import Recipe, fine_tune, predict
from hf_ssl.transfer.inputs import Batches
from hf_ssl.transfer.supervised import learn

NAMES = ["garden", "kitchen", "harbour"]
STATIC = ["--task=contrastive_text", "--batch_size=64", "--embedding_size=32", "--sequence_length=64"]


@pytest.fixture(scope="module")
def static(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "static"
    pretrain(*SMALL, *STATIC, "--dataset_name", parquet, "--output_dir", folder, script="pretrain.py")
    return load_pretrained(folder)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="module")
def views(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "views"
    flags = ["--task=contrastive", *SMALL_IMAGES, "--label_column=label"]
    pretrain(*flags, "--dataset_name", pictures, "--output_dir", folder, script="pretrain.py")
    return load_pretrained(folder)


def accuracy(model, run, seed=9):
    texts, labels = sentences(300, seed)
    return float((predict(model, Batches.of(run, texts)) == np.array(labels)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("from_scratch", [False, True])
def test_it_learns_what_the_labels_say(static, from_scratch):
    texts, labels = sentences(120)
    batches = Batches.of(static, texts)
    recipe = Recipe(60, 0.01, probe_first=not from_scratch)
    accuracies = {}
    for kind in ("right", "shuffled"):
        taught = np.array(labels) if kind == "right" else np.random.default_rng(0).permutation(labels)
        model = classifier_of(static, NAMES, 0, from_scratch)
        fine_tune(model, batches, taught, np.arange(120), recipe, seed=0)
        accuracies[kind] = accuracy(model, static)
    assert accuracies["right"] > 0.9
    assert accuracies["shuffled"] < 0.6


@pytest.mark.slow
def test_the_last_layer_starts_as_a_probe(static):
    texts, labels = sentences(120)
    model = classifier_of(static, NAMES, 0)
    before = {name: value.clone() for name, value in model.base_model.state_dict().items()}
    fine_tune(model, Batches.of(static, texts), np.array(labels), np.arange(120), Recipe(0, 0.0), seed=0)
    assert all((value == before[name]).all() for name, value in model.base_model.state_dict().items())
    assert accuracy(model, static) > 0.6


@pytest.mark.slow
def test_the_rate_is_chosen_on_labels_that_were_held_back(static):
    texts, labels = sentences(120)
    batches, taught = Batches.of(static, texts), np.array(labels)
    first, again = (learn(static, batches, taught, np.arange(120), NAMES, Recipe(30, 0.0), seed=0) for _ in range(2))
    assert list(first.tried) == [0.0, 1e-3, 1e-2]
    assert first.tried == again.tried
    assert first.tried[first.recipe.learning_rate] == max(first.tried.values())
    few = learn(static, batches, taught, np.arange(6), NAMES, Recipe(5, 0.0), seed=0)
    assert few.tried == {}


@pytest.mark.slow
def test_two_labels_and_labels_that_no_row_has(static):
    texts, labels = sentences(120)
    two = np.array(labels) == 2
    model = classifier_of(static, ["other", "harbour", "nobody"], 0)
    fine_tune(model, Batches.of(static, texts), two.astype(int), np.arange(120), Recipe(0, 0.0), seed=0)
    found = predict(model, Batches.of(static, texts))
    assert (found == two).mean() > 0.8
    assert set(found) == {0, 1}


def classifier(script_flags, folder):
    pretrain("--max_steps=5", *script_flags, "--output_dir", folder, script="fine_tune.py")
    return json.loads((folder / "results.json").read_text())


def card_block_runs(folder):
    block = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S).group(1)
    hide = "import sys; sys.modules['hf_ssl'] = None\n"
    return subprocess.run(
        [sys.executable, "-c", hide + block], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.slow
def test_the_script_on_text(static, parquet, tmp_path):
    flags = ["--model_name_or_path", static.path, "--dataset_name", parquet, "--labels_per_class=20"]
    results = classifier(flags, tmp_path / "run")
    assert results["cost"]["labels"] == 60
    assert results["heldout"]["low"] <= results["heldout"]["accuracy"] <= results["heldout"]["high"]
    model, loading = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "run" / "model", output_loading_info=True
    )
    assert not loading["missing_keys"]
    assert model.config.id2label == {0: "0", 1: "1", 2: "2"}
    assert card_block_runs(tmp_path / "run") in {"0", "1", "2"}
    card = (tmp_path / "run" / "README.md").read_text()
    assert "fine-tuned on 60 labelled rows" in card
    assert "pipeline_tag: text-classification" in card


@pytest.mark.slow
@pytest.mark.parametrize("from_scratch", ["false", "true"])
def test_the_script_on_images(views, pictures, tmp_path, from_scratch):
    flags = ["--model_name_or_path", views.path, "--dataset_name", pictures, f"--from_scratch={from_scratch}"]
    results = classifier(flags, tmp_path / "run")
    assert results["names"] == ["0", "1", "2"]
    AutoModelForImageClassification.from_pretrained(tmp_path / "run" / "model")
    assert card_block_runs(tmp_path / "run") in {"0", "1", "2"}
    wording = "trained from scratch" if from_scratch == "true" else "was pretrained without labels"
    assert wording in (tmp_path / "run" / "README.md").read_text()


@pytest.mark.slow
def test_a_transformer_becomes_a_stock_classifier(parquet, tmp_path):
    pretrain(*SMALL, "--dataset_name", parquet, "--output_dir", tmp_path / "words")
    classifier(["--model_name_or_path", tmp_path / "words", "--dataset_name", parquet], tmp_path / "run")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / "model")
    assert type(model).__name__ == "ModernBertForSequenceClassification"
    assert card_block_runs(tmp_path / "run") in {"0", "1", "2"}


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ([], "name the folder of a finished pretraining run"),
        (["--model_name_or_path=/nowhere"], "not the folder of a run"),
    ],
)
def test_nonsense_is_refused(flags, match, tmp_path):
    with pytest.raises(UserError, match=match):
        pretrain(*flags, "--output_dir", tmp_path / "run", script="fine_tune.py")
    assert not (tmp_path / "run").exists()
