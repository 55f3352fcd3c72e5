"""Real runs of the real script, really killed: the log must equal that of a run that was left alone."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from conftest import SMALL, command, run

from hf_ssl.common.run_folder import RunFolder

EXACT = ("step", "loss", "samples", "tokens", "gradient_norm")
LONGER = [*SMALL, "--max_steps=60", "--save_steps=7", "--eval_steps=25"]


def log_of(folder: Path) -> list[tuple]:
    return [tuple(json.loads(line)[key] for key in EXACT) for line in (folder / "log.jsonl").read_text().splitlines()]


def start(folder, *arguments, cache) -> subprocess.Popen:
    environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command(*arguments, "--output_dir", folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_step(folder: Path, step: int, process: subprocess.Popen, patience: float = 120) -> None:
    deadline = time.monotonic() + patience
    log = folder / "log.jsonl"
    while process.poll() is None and time.monotonic() < deadline:
        if log.exists() and len(log.read_text().splitlines()) >= step:
            return
        time.sleep(0.005)


@pytest.fixture(scope="module")
def reference(parquet, cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference") / "run"
    result = run(*LONGER, "--dataset_name", parquet, "--output_dir", folder, cache=cache)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=[pytest.mark.endurance, pytest.mark.timeout(3600)])])
def test_killed_runs_end_like_one_left_alone(reference, parquet, cache, tmp_path, kills):
    generator, folder, done = random.Random(kills), tmp_path / "run", 0
    arguments = [*LONGER, "--dataset_name", parquet]
    while done < kills:
        process = start(folder, *arguments, cache=cache)
        steps = len(log_of(folder)) if (folder / "log.jsonl").exists() else 0
        wait_for_step(folder, generator.randint(max(1, steps - 6), min(58, steps + 20)), process)
        time.sleep(generator.random() * 0.2)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            done += 1
        else:
            assert process.returncode == 0, process.stderr.read()
            assert log_of(folder) == log_of(reference)
            shutil.rmtree(folder)  # finished before the kill: begin again
        process.communicate()
    final = run(*arguments, "--output_dir", folder, cache=cache)
    assert final.returncode == 0, final.stderr
    assert log_of(folder) == log_of(reference)
    assert not list(folder.glob("checkpoints/damaged_*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.endurance)])
def test_a_signal_loses_no_step(reference, parquet, cache, tmp_path, number):
    folder = tmp_path / "run"
    process = start(folder, *LONGER, "--dataset_name", parquet, cache=cache)
    wait_for_step(folder, 10, process)
    process.send_signal(number)
    time.sleep(0.02)
    process.send_signal(number)  # an impatient second one changes nothing
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert "which is saved; rerun the same command to resume" in errors
    steps = len(log_of(folder))
    newest = max((folder / "checkpoints").glob("step_*"))
    assert newest.name == f"step_{steps:08d}"
    result = run(*LONGER, "--dataset_name", parquet, "--output_dir", folder, cache=cache)
    assert result.returncode == 0, result.stderr
    assert f"resuming after step {steps}" in result.stdout
    assert log_of(folder) == log_of(reference)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_moved_aside_and_the_one_before_goes_on(reference, parquet, cache, tmp_path):
    folder = tmp_path / "run"
    process = start(folder, *LONGER, "--dataset_name", parquet, cache=cache)
    wait_for_step(folder, 30, process)
    process.kill()
    process.communicate()
    newest = max((folder / "checkpoints").glob("step_*"))
    content = bytearray((newest / "model.safetensors").read_bytes())
    content[5000] ^= 4
    (newest / "model.safetensors").write_bytes(content)
    result = run(*LONGER, "--dataset_name", parquet, "--output_dir", folder, cache=cache)
    assert result.returncode == 0, result.stderr
    assert f"{newest} is damaged" in result.stderr
    assert log_of(folder) == log_of(reference)


@pytest.mark.slow
def test_finished_runs_train_nothing_and_running_ones_are_left_alone(reference, parquet, cache, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.is_file()}
    again = run(*LONGER, "--dataset_name", parquet, "--output_dir", reference, cache=cache)
    assert again.returncode == 0, again.stderr
    assert "holds a finished run; nothing was trained" in again.stdout
    assert before == {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.is_file()}

    folder = tmp_path / "run"
    first = start(folder, *LONGER, "--max_steps=2000", "--dataset_name", parquet, cache=cache)
    wait_for_step(folder, 2, first)
    second = run(*LONGER, "--max_steps=2000", "--dataset_name", parquet, "--output_dir", folder, cache=cache)
    assert second.returncode == 1
    assert "another process is working in" in second.stderr
    assert "Traceback" not in second.stderr
    assert first.poll() is None
    first.kill()  # leaves a stale lock, which must not stop the next
    first.communicate()
    third = start(folder, *LONGER, "--max_steps=2000", "--dataset_name", parquet, cache=cache)
    steps = len(log_of(folder))
    wait_for_step(folder, steps + 3, third)
    assert third.poll() is None
    third.kill()
    third.communicate()


@pytest.mark.slow
def test_a_killed_run_with_workers_leaves_no_lock(parquet, cache, tmp_path):
    folder = tmp_path / "run"
    arguments = [*SMALL, "--max_steps=3000", "--dataloader_num_workers=2", "--dataset_name", parquet]
    process = start(folder, *arguments, cache=cache)
    wait_for_step(folder, 3, process)
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    again = RunFolder(folder, yaml.safe_load((folder / "config.yaml").read_text()))
    with again:  # at once, while the orphaned workers still live
        pass


@pytest.mark.slow
def test_accumulation_and_workers_change_no_sample(reference, parquet, cache, tmp_path):
    arguments = [*LONGER, "--gradient_accumulation_steps=2", "--dataloader_num_workers=2", "--dataset_name", parquet]
    result = run(*arguments, "--output_dir", tmp_path / "run", cache=cache)
    assert result.returncode == 0, result.stderr
    for expected, line in zip(log_of(reference)[:20], log_of(tmp_path / "run"), strict=False):
        assert line[2] == expected[2]
        assert line[1] == pytest.approx(expected[1], rel=1e-4)


@pytest.mark.slow
def test_what_the_test_of_kills_would_catch(reference, parquet, cache, tmp_path):
    """The negative control: a checkpoint whose position is off by one sample ends in another log."""
    folder = tmp_path / "run"
    process = start(folder, *LONGER, "--dataset_name", parquet, cache=cache)
    wait_for_step(folder, 30, process)
    process.terminate()
    process.communicate()
    state_path = max((folder / "checkpoints").glob("step_*")) / "state.json"
    state = json.loads(state_path.read_text())
    state["positions"]["0"]["taken"] += 1
    state_path.write_text(json.dumps(state))
    manifest_path = state_path.with_name("manifest.json")
    manifest = json.loads(manifest_path.read_text())
    content = state_path.read_bytes()
    manifest["state.json"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest_path.write_text(json.dumps(manifest))
    result = run(*LONGER, "--dataset_name", parquet, "--output_dir", folder, cache=cache)
    assert result.returncode == 0, result.stderr
    assert log_of(folder) != log_of(reference)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("early", "late"), [(10, 50), pytest.param(100, 5000, marks=[pytest.mark.endurance, pytest.mark.timeout(3600)])]
)
def test_a_restart_takes_no_longer_late_in_a_run(parquet, cache, tmp_path, early, late):
    folder = tmp_path / "run"
    arguments = [
        *SMALL,
        f"--max_steps={late + 100}",
        f"--save_steps={early}",
        "--eval_steps=100000",
        "--dataset_name",
        parquet,
    ]
    seconds = {}
    for step in (early, late):
        process = start(folder, *arguments, cache=cache)
        wait_for_step(folder, step + 1, process, patience=1200)
        process.kill()
        process.communicate()
        seconds[step] = min(
            seconds_to_next_step(folder, arguments, cache, tmp_path / f"copy_{step}_{n}") for n in range(3)
        )
    print(seconds)
    assert seconds[late] <= (1.2 if late >= 5000 else 1.5) * seconds[early]  # one start in the background costs more


def seconds_to_next_step(folder: Path, arguments: list, cache: Path, copy: Path) -> float:
    """From starting a copy of the run to the first new line of its log."""
    shutil.copytree(folder, copy)
    newest = int(max((copy / "checkpoints").glob("step_*")).name.removeprefix("step_"))
    begun = time.perf_counter()
    process = start(copy, *arguments, cache=cache)
    (copy / "log.jsonl").write_text("".join((copy / "log.jsonl").read_text().splitlines(keepends=True)[:newest]))
    wait_for_step(copy, newest + 1, process)
    seconds = time.perf_counter() - begun
    process.kill()
    process.communicate()
    return seconds
