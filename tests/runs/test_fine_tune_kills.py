"""Fine-tuning that is killed anywhere ends as if it had been left alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from conftest import command, pretrain, run
from static_run import pretrain_static

from hf_ssl.common.errors import UserError

STEPS = 260  # more than two checkpoints


@pytest.fixture(scope="module")
def static(parquet, tmp_path_factory) -> Path:
    return pretrain_static(tmp_path_factory.mktemp("runs") / "static", parquet)


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
