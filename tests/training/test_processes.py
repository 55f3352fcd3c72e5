"""Several processes train as one does, stop together and say why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SMALL, run, write_parquet
from test_resume import log_of, wait_for_step


def torchrun(folder, *arguments, cache) -> subprocess.CompletedProcess:
    process = torchrun_process(folder, *arguments, cache=cache)
    output, errors = process.communicate(timeout=280)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def torchrun_process(folder, *arguments, cache, processes=2) -> subprocess.Popen:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    script = [str(ROOT / "scripts" / "pretrain_mlm.py"), *map(str, arguments), "--output_dir", str(folder)]
    environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*launcher, *script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_two_processes_and_one_train_alike_and_go_on_from_each_other(parquet, cache, tmp_path):
    """Two processes up to step 6, two up to 12, one up to 18, two to the end: the same batches as one process alone."""
    arguments = [*SMALL, "--max_steps=24", "--save_steps=6", "--dataset_name", parquet]
    one, many = tmp_path / "one", tmp_path / "many"
    result = run(*arguments, "--output_dir", one, cache=cache)
    assert result.returncode == 0, result.stderr
    result = torchrun(many, *arguments, cache=cache)
    assert result.returncode == 0, result.stderr
    expected = log_of(one)
    assert_alike(expected, log_of(many))
    rewind(many, 18)
    result = torchrun(many, *arguments, cache=cache)
    assert "resuming after step 18" in result.stdout, result.stderr
    rewind(many, 18)
    result = torchrun(many, *arguments, "--save_steps=2", cache=cache)  # a checkpoint after a resumption
    rewind(many, 22)
    result = run(*arguments, "--output_dir", many, cache=cache)
    assert "resuming after step 22" in result.stdout, result.stderr
    assert_alike(expected, log_of(many))
    rewind(one, 18)
    result = torchrun(one, *arguments, cache=cache)
    assert "resuming after step 18" in result.stdout, result.stderr
    assert_alike(expected, log_of(one))


def assert_alike(expected: list[tuple], log: list[tuple]) -> None:
    for (step, loss, samples, *_), line in zip(expected, log, strict=True):
        assert line[2] == samples
        assert line[1] == pytest.approx(loss, rel=1e-5 if step <= 20 else 1e-4)


def rewind(folder: Path, step: int) -> None:
    """Take a finished run back to one of its checkpoints."""
    (folder / "results.json").unlink()
    for path in (folder / "checkpoints").glob("step_*"):
        if int(path.name.removeprefix("step_")) > step:
            shutil.rmtree(path)


@pytest.mark.slow
def test_if_one_process_cannot_read_both_save_and_say_why(cache, tmp_path):
    """The shard that breaks is read by one process only; the other must not wait for it."""
    folder, data = tmp_path / "run", write_parquet(tmp_path / "data", count=600, files=4)
    arguments = [*SMALL, "--max_steps=100000", "--dataset_name", data]
    process = torchrun_process(folder, *arguments, cache=cache)
    wait_for_step(folder, 5, process)
    victim = data / "train-00001.parquet"
    content = bytearray(victim.read_bytes())
    content[200:5000] = bytes(4800)
    victim.write_bytes(content)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert re.search("cannot read on after step .*train-00001.parquet", errors), errors
    assert "Traceback (most recent call last)" not in errors.split("torch/distributed")[0]
    newest = max((folder / "checkpoints").glob("step_*"))
    assert newest.name == f"step_{len(log_of(folder)):08d}"
