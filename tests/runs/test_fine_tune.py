"""Fine-tuning through the script: what comes out is stock, killed anywhere it ends as if it had been left alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import SMALL, SMALL_IMAGES, command, pretrain, run, write_images
from datasets import load_dataset
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, AutoTokenizer

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import is_held_out
from hf_ssl.evaluation.metrics import Accuracy, MacroF1

STATIC = ["--task=contrastive", "--batch_size=64", "--embedding_size=32", "--sequence_length=64"]
STEPS = 260  # more than two checkpoints


@pytest.fixture(scope="module")
def static(parquet, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "static"
    pretrain(*SMALL, *STATIC, "--dataset_name", parquet, "--output_dir", folder, script="pretrain.py")
    return folder


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


class Killable:
    """A run of the script in a process of its own, that is to be stopped in the middle."""

    def __init__(self, folder: Path, flags: list, cache: Path) -> None:
        self.folder = folder
        environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
        words = command(*flags, "--output_dir", folder, script="fine_tune.py")
        self.process = subprocess.Popen(
            words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def log(self, training: str) -> list[dict]:
        path = self.folder / "trainings" / training / "log.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def stop_in(self, training: str, step: int, number: signal.Signals) -> str:
        """Wait for a step of a training, send the signal, return what was printed to stderr."""
        deadline = time.monotonic() + 120
        while self.process.poll() is None and time.monotonic() < deadline and len(self.log(training)) < step:
            time.sleep(0.002)
        assert self.process.poll() is None, self.process.stderr.read()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == (-number if number == signal.SIGKILL else 128 + number), errors
        assert step <= len(self.log(training)) < STEPS  # in the middle
        return errors


@pytest.fixture(scope="module")
def straight(static, parquet, cache, tmp_path_factory) -> tuple[Path, list]:
    folder = tmp_path_factory.mktemp("straight") / "run"
    flags = ["--model_name_or_path", static, "--dataset_name", parquet, f"--max_steps={STEPS}"]
    result = run(*flags, "--output_dir", folder, cache=cache, script="fine_tune.py")
    assert result.returncode == 0, result.stderr
    return folder, flags


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def figures(folder: Path) -> dict:
    results = json.loads((folder / "results.json").read_text())
    return {name: results[name] for name in ("heldout", "classifier", "seed", "model")}


@pytest.mark.slow
def test_killed_in_a_trial_and_in_the_final_training_it_ends_like_one_left_alone(straight, cache, tmp_path):
    expected, flags = straight
    chosen = json.loads((expected / "results.json").read_text())["classifier"]["recipe"]
    assert chosen["steps"] == STEPS  # or there were no final training to be killed in
    assert set(chosen["tried"]) == {"0.0", "0.001", "0.01"}
    folder = tmp_path / "run"
    Killable(folder, flags, cache).stop_in("tried_0.001", 120, signal.SIGKILL)
    assert (folder / "trainings" / "tried_0.json").exists()
    again = Killable(folder, flags, cache)
    first = again.log("tried_0.001")[:100]
    again.stop_in("all", 120, signal.SIGKILL)
    assert again.log("tried_0.001")[:100] == first  # their seconds too: they were not trained again
    first = again.log("all")[:100]
    final = Killable(folder, flags, cache)
    told = final.stop_in("all", 160, signal.SIGTERM)
    assert final.log("all")[:100] == first
    steps = len(final.log("all"))
    assert f"stopped at step {steps}, which is saved; rerun the same command to resume" in told
    newest = max((folder / "trainings" / "all" / "checkpoints").glob("step_*"))
    assert newest.name == f"step_{steps:08d}"
    assert not (folder / "results.json").exists()
    done = run(*flags, "--output_dir", folder, cache=cache, script="fine_tune.py")
    assert done.returncode == 0, done.stderr
    assert weights(folder) == weights(expected)
    assert figures(folder) == figures(expected)
    assert not (folder / "trainings").exists()


@pytest.mark.slow
def test_what_the_test_of_kills_would_catch(straight, cache, tmp_path):
    """The negative control: a checkpoint that is off by one step ends in other weights."""
    expected, flags = straight
    rate = json.loads((expected / "results.json").read_text())["classifier"]["recipe"]["learning_rate"]
    flags, folder = [*flags, f"--learning_rate={rate}"], tmp_path / "run"
    Killable(folder, flags, cache).stop_in("all", 120, signal.SIGTERM)
    state = max((folder / "trainings" / "all" / "checkpoints").glob("step_*")) / "state.json"
    content = json.loads(state.read_text())
    state.write_text(json.dumps(content | {"step": content["step"] - 1}))
    manifest = json.loads((state.parent / "manifest.json").read_text())
    manifest["state.json"] = {
        "size": state.stat().st_size,
        "sha256": hashlib.sha256(state.read_bytes()).hexdigest(),
    }
    (state.parent / "manifest.json").write_text(json.dumps(manifest))
    done = run(*flags, "--output_dir", folder, cache=cache, script="fine_tune.py")
    assert done.returncode == 0, done.stderr
    assert weights(folder) != weights(expected)


@pytest.mark.slow
def test_a_stopped_run_keeps_to_its_flags_and_a_finished_one_trains_nothing(straight, cache, tmp_path):
    expected, flags = straight
    folder = tmp_path / "run"
    Killable(folder, flags, cache).stop_in("tried_0.001", 20, signal.SIGTERM)
    with pytest.raises(UserError, match="holds a run with seed=0, not 1; give --seed 0 to resume it"):
        pretrain(*flags, "--seed=1", "--output_dir", folder, script="fine_tune.py")
    assert yaml.safe_load((folder / "config.yaml").read_text())["seed"] == 0
    assert (folder / "trainings" / "tried_0.001").exists()
    before = {path: path.stat().st_mtime_ns for path in expected.rglob("*") if path.is_file()}
    pretrain(*flags, "--output_dir", expected, script="fine_tune.py")
    assert before == {path: path.stat().st_mtime_ns for path in expected.rglob("*") if path.is_file()}
