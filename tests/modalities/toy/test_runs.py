"""A modality that no file of the package knows of goes all the way: pretraining, card, Hub, classifier, comparison."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import pretrain
from hub_fixtures import REPO

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import FINE_TUNING, RunFolder
from hf_ssl.data.batches import MemorySource
from hf_ssl.hub.download import load_published
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository
from hf_ssl.runs.learn import labelled_samples
from hf_ssl.runs.pretrained import load_pretrained
from hf_ssl.runs.results import read_results
from hf_ssl.training.accelerator import build_accelerator
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.classification import Classification
from hf_ssl.training.loop import Training
from modalities.toy import example
from modalities.toy.example import FLAGS, METHODS, results_of

pytestmark = pytest.mark.usefixtures("added")


def log_of(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "data_seconds")} for line in lines]


def test_the_data_decide_and_features_are_measured(run):
    results = results_of(run)
    assert (results["task"], results["modality"]) == ("contrastive", "numbers")
    assert results["cost"]["series"] == 12 * 16
    assert results["data"]["skipped"] == {"times and values do not match": 8}
    assert set(results["features"]) == {"pretrained", "untrained"} | METHODS
    for row in results["features"].values():
        assert row["knn_accuracy"]["mean"] > 0.6  # three kinds
    assert 0 < results["heldout"]["loss"] < results["heldout"]["chance_loss"] <= np.log(31)
    assert [line["step"] for line in log_of(run) if "knn_accuracy" in line] == [6, 12]


def test_stop_and_resume_equals_a_straight_run(tmp_path):
    command = [*FLAGS, "--dataset_name", example.write(tmp_path / "data", labelled=False), "--output_dir"]
    pretrain(*command, tmp_path / "straight", script="pretrain.py")
    stopped = shutil.copytree(tmp_path / "straight", tmp_path / "stopped")
    (stopped / "results.json").unlink()
    shutil.rmtree(stopped / "checkpoints" / "step_00000012")  # as if the run had been killed after step 8
    pretrain(*command, stopped, script="pretrain.py")
    assert log_of(stopped) == log_of(tmp_path / "straight")
    assert len(log_of(stopped)) == 12
    straight, again = results_of(tmp_path / "straight"), results_of(stopped)
    assert straight["heldout"] == again["heldout"]
    assert straight["features_note"] == again["features_note"] == "no label column was used"


def test_accumulation_is_refused_where_samples_are_compared(series, tmp_path):
    flags = [*FLAGS, "--gradient_accumulation_steps=2", "--dataset_name", series, "--output_dir", tmp_path / "run"]
    with pytest.raises(UserError, match="--gradient_accumulation_steps does not work with contrastive"):
        pretrain(*flags, script="pretrain.py")
    assert not (tmp_path / "run").exists()


def test_two_pieces_of_a_batch_make_the_same_steps(run, tmp_path):
    """The pieces hold as many series, but not as many numbers."""
    pretrained = load_pretrained(run)
    table = example.table(48, seed=5)
    inputs = [pretrained.modality.asked(row) for row in table.to_pylist()]
    labels = np.array([example.LABELS.index(label) for label in table.column("label").to_pylist()])
    samples = labelled_samples(pretrained, inputs, labels)
    task = Classification(example.LABELS, str(pretrained.model_folder))
    models, losses = [], []
    for pieces in (1, 2):
        folder = tmp_path / str(pieces)
        folder.mkdir()
        arguments = TrainingArguments(
            output_dir=str(folder), max_steps=5, batch_size=16, gradient_accumulation_steps=pieces, optimizer="adamw",
            learning_rate=0.01, mixed_precision="no",
        )  # fmt: skip
        training = Training(
            task=task,
            prepared=pretrained.prepared,
            model=task.model(pretrained.prepared, 0),
            source=MemorySource(samples, 16, 0),
            arguments=arguments,
            accelerator=build_accelerator(arguments, 60),
            folder=RunFolder(folder, {}, FINE_TUNING),
        )
        training.run()
        models.append(training.model)
        losses.append([line["loss"] for line in log_of(folder)])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    before = task.model(pretrained.prepared, 0)
    for one, other, first in zip(*(model.parameters() for model in (*models, before)), strict=True):
        assert torch.allclose(one, other, atol=1e-4)
        assert not torch.allclose(one, first, atol=1e-3)


def test_the_card(run):
    card = (run / "README.md").read_text()
    assert "encoder of number series" in card
    assert "A view is a random part of at least 40 % of a series" in card
    assert "class NumbersModel(PreTrainedModel)" in card
    assert "| histogram |" in card
    assert "| width | `8` | `16` |" in card


def test_published_and_loaded_again(run, api, tmp_path):
    folder = RunFolder.existing(run)
    api.create_repo(REPO)
    publish(Publication(folder, read_results(folder), Repository.look(api, REPO)))
    here, there = load_pretrained(run), load_published(REPO, api=api)
    assert there.modality == here.modality
    assert there.identity == here.identity
    inputs = [here.modality.asked(row) for row in example.table(5, seed=7).to_pylist()]
    for mine, other in ((here.encoder, there.encoder), (here.untrained(3), there.untrained(3))):
        expected, found = here.embed(mine, inputs, "here"), there.embed(other, inputs, "there")
        assert list(expected) == list(found) == ["numbers", "series"]
        for name, values in expected.items():
            np.testing.assert_array_equal(values, found[name])


@pytest.fixture(scope="module")
def classifier(run, series, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "classifier"
    flags = ["--model_name_or_path", run, "--dataset_name", series, "--output_dir", folder]
    pretrain(*flags, "--labels_per_class=20", "--max_steps=10", script="fine_tune.py")
    return folder


def test_fine_tuned(classifier):
    results = results_of(classifier)
    assert results["cost"]["labels"] == 60
    assert results["modality"] == "numbers"
    assert results["heldout"]["accuracy"] > 0.6
    assert results["classifier"]["names"] == list(example.LABELS)
    card = (classifier / "README.md").read_text()
    assert "A classifier that puts series into one of 3 classes" in card
    assert "pipeline_tag: tabular-classification" in card


@pytest.mark.slow
def test_the_lines_of_the_card_run_without_our_package(classifier):
    block = re.search(r"```python\n(.*?)```", (classifier / "README.md").read_text(), re.S).group(1)
    hide = "import sys; sys.modules['hf_ssl'] = None\n"
    done = subprocess.run([sys.executable, "-c", hide + block], cwd=classifier, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in example.LABELS


@pytest.mark.slow
def test_compared(series, tmp_path):
    pretrain("--budget=20s", "--dataset_name", series, "--output_dir", tmp_path / "run", script="compare.py")
    results = results_of(tmp_path / "run")
    assert set(results["methods"]) == METHODS | {"contrastive", "untrained_contrastive"}
    for method in results["methods"].values():
        assert method["figures"]["knn_accuracy"]["mean"] > 0.6
    (network,) = (tmp_path / "run" / "pretrained").iterdir()
    assert RunFolder.existing(network).config["width"] == 8  # as the modality's settings for comparisons say
    page, text = ((tmp_path / "run" / f"report.{ending}").read_text() for ending in ("html", "md"))
    for part in (
        "contrastive, pretrained",
        "moments",
        "histogram",
        " numbers: ",
    ):  # the last: of a series that is shown
        assert part in page
        assert part in text
    assert results["recommendation"]["sentence"] in page.replace("&#39;", "'")
