"""A masked model that begins with contrast: what it keeps, the order of phases, exact resume in each, a budget."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from conftest import SMALL, pretrain
from kills import KilledError, kill_after
from transformers import AutoModelForMaskedLM

from hf_ssl.common.errors import UserError
from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.evaluation.measured_rows import classes_among
from hf_ssl.modalities.known import modality_class
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.runs.run_plan import Speeds, plan_run, seconds_of_measuring
from hf_ssl.training import loop
from hf_ssl.training.checkpoint import newest_checkpoint

EXACT = ("step", "loss", "samples", "gradient_norm")


def logged(folder) -> list[tuple]:
    return [tuple(json.loads(line)[key] for key in EXACT) for line in (folder / "log.jsonl").read_text().splitlines()]


def results(folder) -> dict:
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def run(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("first") / "run"
    pretrain(*SMALL, "--contrast_steps=10", "--dataset_name", parquet, "--output_dir", folder)
    return folder


def test_the_stock_model_keeps_the_embeddings_that_contrast_has_taught(run):
    model = AutoModelForMaskedLM.from_pretrained(run / "model")
    table, size = model.get_input_embeddings().weight, model.config.contrast_dimensions
    learned = newest_checkpoint(run / "first_phase" / "checkpoints").tensors("model")["base_model.embedding.weight"]
    assert learned.shape[1] == size == 128
    ratio = table[:, :size] / learned
    assert torch.allclose(ratio, ratio[0, 0], rtol=1e-4)  # as they were, on another scale
    assert model.get_output_embeddings().weight is table


def test_the_record_and_the_card_tell_the_order(run):
    phases = results(run)["phases"]
    assert [phase["task"] for phase in phases] == ["contrastive", "masked_language"]
    assert [phase["steps"] for phase in phases] == [10, 12]
    assert results(run)["cost"]["cpu_seconds"] == pytest.approx(sum(phase["cpu_seconds"] for phase in phases))
    card = (run / "README.md").read_text()
    assert card.index("10 steps of contrastive learning") < card.index("12 steps of masked language modelling")


def test_one_flag_leaves_the_first_phase_out(parquet, tmp_path):
    pretrain(*SMALL, "--contrast_steps=0", "--dataset_name", parquet, "--output_dir", tmp_path / "run")
    assert not (tmp_path / "run" / "first_phase").exists()
    assert results(tmp_path / "run")["phases"] == []
    config = AutoModelForMaskedLM.from_pretrained(tmp_path / "run" / "model").config
    assert not hasattr(config, "contrast_dimensions")


@pytest.mark.parametrize("steps", [3, 7, 10, 15])
def test_a_run_killed_in_either_phase_goes_on_exactly(run, parquet, tmp_path, monkeypatch, steps):
    """Negative control: the steps of the resumed run are fewer, so it did resume."""
    arguments = [*SMALL, "--contrast_steps=10", "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    with monkeypatch.context() as patched:
        kill_after(patched, steps)
        with pytest.raises(KilledError):
            pretrain(*arguments)
    taken = kill_after(monkeypatch)
    pretrain(*arguments)
    saved = steps // 4 * 4 if steps < 10 else 10 + (steps - 10) // 4 * 4
    assert len(taken) == 22 - saved
    assert logged(tmp_path / "run") == logged(run)
    assert logged(tmp_path / "run" / "first_phase") == logged(run / "first_phase")
    weights = [AutoModelForMaskedLM.from_pretrained(each / "model").state_dict() for each in (run, tmp_path / "run")]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_checkpoint_learns_nothing_anew(run, parquet, tmp_path):
    with pytest.raises(UserError, match="--contrast_steps is for new models"):
        pretrain(
            *SMALL, "--contrast_steps=5", "--model_name_or_path", run / "model", "--dataset_name", parquet, "--output_dir",
            tmp_path / "run",
        )  # fmt: skip


@pytest.mark.parametrize("phase", ["contrastive", "masked_language"])
def test_a_budget_is_planned_once_and_kept(parquet, tmp_path, monkeypatch, phase):
    """The end of the first phase settles the steps of the task; nothing does after that."""
    small = [flag for flag in SMALL if not flag.startswith("--max_steps")]
    arguments = [*small, "--budget=20s", "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    monkeypatch.setattr("hf_ssl.runs.phases.elapsed", lambda: 13.0)
    real = loop.take_step

    def killed(stepper, parts, taken=[]):  # noqa: B006 - it counts
        if stepper.task.name == phase:
            if len(taken) == 5:
                raise KilledError
            taken.append(1)
        return real(stepper, parts)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "take_step", killed)
        with pytest.raises(KilledError):
            pretrain(*arguments)
    before = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert before["first_done"] == (phase == "masked_language")
    monkeypatch.setattr("hf_ssl.runs.phases.elapsed", lambda: 19.0)  # would plan otherwise
    pretrain(*arguments)
    plan = results(tmp_path / "run")["plan"]
    kept = ("training", "first_steps", "speeds", *(["max_steps"] if before["first_done"] else []))
    assert [plan[name] for name in kept] == [before[name] for name in kept]
    assert results(tmp_path / "run")["cost"]["steps"] == plan["max_steps"]
    with pytest.raises(UserError, match="--budget and --max_steps exclude each other"):
        pretrain(*arguments, "--max_steps=5")


@pytest.mark.parametrize(("budget", "said"), [("soon", "'soon' is not a time"), ("5s", "5s is too short")])
def test_a_budget_is_a_time(parquet, tmp_path, capsys, budget, said):
    with pytest.raises(SystemExit):
        pretrain(f"--budget={budget}", "--dataset_name", parquet, "--output_dir", tmp_path / "run")
    assert f"--budget {said}" in capsys.readouterr().err


@pytest.mark.parametrize("speed", [0.01, 0.1, 1.0])
def test_plans_fit_their_budget_and_measuring_gets_a_third_at_most(speed):
    for seconds in (30, 120, 3600):
        speeds = Speeds(step=speed, first_step=2 * speed, measuring=100 * speed)
        plan = plan_run("x", seconds, speeds, 400, 0.3)
        measuring = plan.measured_share * speeds.measuring
        training = plan.first_steps * speeds.first_step + plan.max_steps * speeds.step
        late = plan.after(1.5 * plan.first_steps * speeds.first_step)
        assert late.first_done
        assert late.max_steps <= plan.max_steps
        assert measuring <= seconds / 3 + 1e-9
        assert training + measuring <= seconds or 10 in (plan.max_steps, plan.first_steps)
        assert np.isfinite(training)


def test_measuring_takes_longer_with_more_classes():
    prepared = Prepared(modality_class("text")(), None, {})
    few, some, many = (seconds_of_measuring(len, [], prepared, classes) for classes in (2, 10, 1000))
    assert few == pytest.approx(some, rel=0.01)
    assert many == pytest.approx(10 * some, rel=0.01)


def test_labels_are_counted_among_the_first_rows(parquet):
    rows = open_source(DataArguments(dataset_name=str(parquet))).train
    assert classes_among(rows, "label", 1000) == 3
