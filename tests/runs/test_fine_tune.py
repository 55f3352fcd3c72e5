"""Fine-tuning through the script: what comes out is stock, and what it says is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, SMALL_IMAGES, pretrain, write_images
from datasets import load_dataset
from static_run import pretrain_static
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, AutoTokenizer

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import is_held_out
from hf_ssl.evaluation.metrics import Accuracy, MacroF1


@pytest.fixture(scope="module")
def static(parquet, tmp_path_factory) -> Path:
    return pretrain_static(tmp_path_factory.mktemp("runs") / "static", parquet)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="module")
def views(pictures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "views"
    flags = ["--task=contrastive", *SMALL_IMAGES, "--label_column=label"]
    pretrain(*flags, "--dataset_name", pictures, "--output_dir", folder, script="pretrain.py")
    return folder


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
    flags = ["--model_name_or_path", static, "--dataset_name", parquet, "--labels_per_class=20"]
    results = classifier(flags, tmp_path / "run")
    assert (results["kind"], results["task"], results["modality"]) == ("fine_tuning", "classification", "text")
    assert results["cost"]["labels"] == 60
    assert results["heldout"]["low"] <= results["heldout"]["accuracy"] <= results["heldout"]["high"]
    assert results["classifier"]["names"] == ["0", "1", "2"]
    assert results["classifier"]["pretrained_by"] == {"task": "contrastive", "steps": 12}
    assert results["baseline"] == ["majority_accuracy", "the commonest label"]
    model, loading = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "run" / "model", output_loading_info=True
    )
    assert not loading["missing_keys"]
    assert model.config.id2label == {0: "0", 1: "1", 2: "2"}
    assert card_block_runs(tmp_path / "run") in {"0", "1", "2"}
    card = (tmp_path / "run" / "README.md").read_text()
    assert "fine-tuned on 60 labelled rows" in card
    assert "pipeline_tag: text-classification" in card
    assert not (tmp_path / "run" / "trainings").exists()


@pytest.mark.slow
def test_the_figures_are_what_the_metrics_say_of_the_stock_model_on_the_test_rows(static, parquet, tmp_path):
    """With nothing but transformers, from the folder that is published."""
    results = classifier(["--model_name_or_path", static, "--dataset_name", parquet], tmp_path / "run")
    rows = load_dataset("parquet", data_files=f"{parquet}/*.parquet", split="train", cache_dir=str(tmp_path / "cache"))
    test = [row for row in rows if is_held_out(row["text"].encode())]
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run" / "model")
    inputs = tokenizer(
        [row["text"] for row in test],
        add_special_tokens=False,
        truncation=True,
        max_length=64,
        padding=True,
        return_tensors="pt",
        return_token_type_ids=False,
    )
    found, truth = model(**inputs).logits.argmax(1).tolist(), [row["label"] for row in test]
    heldout = results["heldout"]
    assert heldout["rows"] == len(test) > 20
    assert Accuracy().compute(predictions=found, references=truth)["accuracy"] == heldout["accuracy"]
    assert MacroF1().compute(predictions=found, references=truth)["macro_f1"] == heldout["macro_f1"]
    commonest = np.bincount([row["label"] for row in rows if not is_held_out(row["text"].encode())]).argmax()
    majority = Accuracy().compute(predictions=[commonest] * len(test), references=truth)["accuracy"]
    assert majority == heldout["majority_accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("from_scratch", ["false", "true"])
def test_the_script_on_images(views, pictures, tmp_path, from_scratch):
    flags = ["--model_name_or_path", views, "--dataset_name", pictures, f"--from_scratch={from_scratch}"]
    results = classifier(flags, tmp_path / "run")
    assert results["classifier"]["names"] == ["0", "1", "2"]
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


def test_it_says_what_it_does_before_it_reads_anything(static, parquet, tmp_path, monkeypatch, capsys):
    """Within two seconds: here before the first thing that takes any time."""

    def begun(*_arguments):
        raise UserError(capsys.readouterr().out)

    monkeypatch.setattr("hf_ssl.runs.fine_tune.load_pretrained", begun)
    flags = ["--model_name_or_path", static, "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    with pytest.raises(UserError, match=f"loading {static}"):
        pretrain(*flags, script="fine_tune.py")
    monkeypatch.undo()
    monkeypatch.setattr("hf_ssl.runs.fine_tune.open_source", begun)
    with pytest.raises(UserError, match=f"reading '{parquet}'"):
        pretrain(*flags, script="fine_tune.py")
