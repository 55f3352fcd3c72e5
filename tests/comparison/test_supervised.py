"""Trainings with labels inside a comparison: each a cell, resumed where they were stopped, measured on the test rows."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SMALL, pretrain, sentences
from kills import KilledError, kill_after

from hf_ssl.common.errors import UserError
from hf_ssl.comparison.budget import Plan
from hf_ssl.comparison.outcome import supervised_of
from hf_ssl.comparison.supervised import KINDS, SupervisedTraining, can_be_classified, one_percent
from hf_ssl.evaluation.cells import Cells
from hf_ssl.evaluation.measure import Effort
from hf_ssl.evaluation.measured_rows import Labelled, MeasuredRows
from hf_ssl.evaluation.metrics import Accuracy
from hf_ssl.runs import learn
from hf_ssl.runs.pretrained import load_pretrained

STATIC = ["--task=contrastive", "--batch_size=64", "--embedding_size=32", "--sequence_length=64"]
PLAN = Plan((400, 200), {"contrastive": 12}, Effort(), (10,), 2, 40, 60, 100, ())


@pytest.fixture(scope="module")
def static(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "static"
    pretrain(*SMALL, *STATIC, "--dataset_name", parquet, "--output_dir", folder, script="pretrain.py")
    return load_pretrained(folder)


@pytest.fixture
def rows(static):
    """Every tenth row of the bank and every fifth test row has no label."""
    texts, labels = sentences(600)
    bank, test = (np.array(part) for part in (labels[:400], labels[400:]))
    bank[::10], test[::5] = -1, -1
    parts = Labelled(texts[:400], bank), Labelled(texts[400:], test)
    return MeasuredRows(static.modality, "label", *parts, ["0", "1", "2"], [], {"name": "made up"})


def training_in(folder, rows):
    return SupervisedTraining(Cells(folder / "cells", rows.record()), rows, PLAN, folder / "trainings", 0)


@pytest.mark.slow
def test_a_cell_says_what_its_classifiers_say_of_the_test_rows(static, rows, tmp_path):
    cell = training_in(tmp_path, rows).cell(static, "fine_tuned", 10, 0)
    truth = rows.test.labels[rows.test.labels >= 0]
    assert cell.arrays["found"].shape == (2, len(truth)) == (2, 160)
    values = [Accuracy().compute(predictions=each, references=truth)["accuracy"] for each in cell.arrays["found"]]
    assert cell.figures["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert np.mean(values) > 0.8
    assert (cell.figures["labels"], cell.figures["steps"]) == (30, 40)
    assert [set(tried) for tried in cell.figures["tried"]] == [{"0.0", "0.001", "0.01"}] * 2
    together = supervised_of({"static": {"fine_tuned": {10: [cell, cell]}}}, rows, 0)["static"]["fine_tuned"]["10"]
    assert together["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert together["by_seed"] == [cell.figures["accuracy"]["mean"]] * 2
    # Shuffled labels teach nothing: a control.
    shuffled = rows.bank.labels.copy()
    known = shuffled >= 0
    shuffled[known] = np.random.default_rng(0).permutation(shuffled[known])
    other = replace(rows, bank=Labelled(rows.bank.inputs, shuffled))
    assert training_in(tmp_path / "other", other).cell(static, "fine_tuned", 10, 0).figures["accuracy"]["mean"] < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fine_tuned", "from_scratch_equal_compute"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_killed_cell_resumes_and_says_the_same(static, rows, tmp_path, monkeypatch, kind, share):
    monkeypatch.setattr(learn, "SAVE_STEPS", 8)
    with monkeypatch.context() as context:
        whole = kill_after(context)
        straight = training_in(tmp_path / "straight", rows).cell(static, kind, 10, 0)
    stop = int(share * len(whole))
    with monkeypatch.context() as context:
        kill_after(context, stop)
        with pytest.raises(KilledError):
            training_in(tmp_path / "killed", rows).cell(static, kind, 10, 0)
    assert not list((tmp_path / "killed" / "cells").glob("*/cell.json"))
    assert list((tmp_path / "killed" / "trainings").rglob("step_*"))
    with monkeypatch.context() as context:
        rest = kill_after(context)
        resumed = training_in(tmp_path / "killed", rows).cell(static, kind, 10, 0)
    # The draw that was stopped goes on where it was saved; draws before it are read out again without a step.
    assert len(whole) - stop <= len(rest) < len(whole) - stop + 8
    assert np.array_equal(resumed.arrays["found"], straight.arrays["found"])
    for name in ("accuracy", "labels", "steps", "tried"):
        assert resumed.figures[name] == straight.figures[name]
    assert not list((tmp_path / "killed" / "trainings").iterdir())
    with monkeypatch.context() as context:
        none = kill_after(context)
        training_in(tmp_path / "killed", rows).cell(static, kind, 10, 0)
    assert none == []


@pytest.mark.slow
def test_each_kind_has_its_steps_and_another_seed_is_another_cell(static, rows, tmp_path):
    training = training_in(tmp_path, rows)
    cells = {kind: training.cell(static, kind, 2, 0) for kind in KINDS}
    assert {kind: cell.figures["steps"] for kind, cell in cells.items()} == {
        "fine_tuned": 40,
        "from_scratch": 40,
        "from_scratch_equal_compute": 100,  # too few labels to try several rates: all of it for one
    }
    assert training._steps("from_scratch_equal_compute", 10) == 60  # shared among two rates and the last training
    other = training.cell(static, "fine_tuned", 2, 1)
    assert not np.array_equal(other.arrays["found"], cells["fine_tuned"].arrays["found"])
    assert len(list((tmp_path / "cells").iterdir())) == 4


def test_one_percent_of_the_labels():
    assert one_percent(np.arange(3000) % 3) == 10
    assert one_percent(np.arange(30) % 3) == 1


def test_what_has_a_classifier(static):
    def refuse(*_arguments, **_options):
        raise UserError("no classifier")

    assert can_be_classified(static)
    without = SimpleNamespace(modality=SimpleNamespace(classifier=refuse), prepared=None, model_folder=None)
    assert not can_be_classified(without)
