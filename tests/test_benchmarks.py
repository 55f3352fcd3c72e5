"""Every benchmark runs, at a tiny size; what two commits differ in is found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT, pretrain

from hf_ssl.common.errors import UserError

TREE = ("hf_ssl", "scripts", "model_cards", "README.md", "LICENSE", "pyproject.toml")


def measured(capsys, *flags, script: str) -> dict:
    """The JSON that a benchmark prints last."""
    pretrain(*flags, script=f"benchmarks/{script}")
    return json.loads(capsys.readouterr().err.splitlines()[-1])


@pytest.mark.slow
def test_busy_machine(capsys):
    found = measured(capsys, "--rounds=1", "--seconds=1", "--most_busy=0", script="busy_machine.py")["figures"]
    assert {figure["arm"] for figure in found} == {"short spins", "default spins", "sleep at once", "one thread"}
    assert all(figure["tokens_per_second"] > 0 and figure["steps"] > 0 for figure in found)


def test_accelerator_is_refused_where_there_is_none():
    if torch.accelerator.is_available():
        pytest.skip("this machine has an accelerator; scripts/benchmarks/accelerator.py measures it")
    with pytest.raises(UserError, match="there is no accelerator"):
        pretrain("--seconds=1", script="benchmarks/accelerator.py")


def test_masked_language(capsys):
    """It once put what the accelerator prepared in the place of what was prepared before training."""
    sizes = {"batch_size": 2, "sequence_length": 16, "hidden_size": 64, "layers": 1, "vocabulary_size": 256}
    flags = [f"--{name}={value}" for name, value in sizes.items()]
    found = measured(capsys, "--rounds=1", *flags, script="masked_language.py")
    figures = found["figures"]
    assert next(iter(figures)) == "stock BERT, float32, AdamW"
    assert len(figures) == 5
    assert figures["stock BERT, float32, AdamW"]["ratio"] == 1
    assert all(figure["tokens_per_cpu_second"] > 0 and figure["ratio"] > 0 for figure in figures.values())
    assert found["conditions"].items() >= sizes.items()
    with pytest.raises(SystemExit):
        pretrain("--rounds=0", script="benchmarks/masked_language.py")


@pytest.mark.slow
def test_time_to_loss(parquet, capsys):
    sizes = ["--rows=100", "--max_steps=3", "--stock_steps=2", "--text_column=text", "--dataset_name", str(parquet)]
    found = measured(capsys, *sizes, script="time_to_loss.py")
    assert found["ours"]["below_unigram"] != found["stock"]["below_unigram"] != 0
    assert found["stock"]["tokens"] == 2 * 32 * 128
    assert found["ratio"] == pytest.approx(found["stock"]["cpu_seconds"] / found["ours"]["cpu_seconds"], abs=0.06)
    assert all(arm["cpu_seconds"] > 0 and arm["peak_mib"] > 100 for arm in (found["ours"], found["stock"]))


@pytest.mark.slow
def test_images(capsys):
    flags = ["--rounds=1", "--batch_size=4", "--stock_batch_size=2", "--image_size=16"]
    figures = measured(capsys, *flags, script="images.py")["figures"]
    assert {family: len(arms) for family, arms in figures.items()} == {"SimMIM": 4, "MAE": 4, "SimCLR's views": 2}
    for arms in figures.values():
        assert next(iter(arms.values()))["ratio"] == 1
        assert all(figure["images_per_cpu_second"] > 0 for figure in arms.values())
    with pytest.raises(SystemExit):
        pretrain("--batch_size=10", "--stock_batch_size=4", script="benchmarks/images.py")


@pytest.mark.slow
def test_clustering(capsys):
    flags = ["--rows=3000", "--clusters=20", "--fitted_rows=500", "--dimensions=16"]
    figures = measured(capsys, *flags, script="clustering.py")["figures"]
    assert set(figures) == {"stream", "full_fit", "random_rows"}
    assert figures["stream"]["inertia"] < figures["random_rows"]["inertia"]
    with pytest.raises(SystemExit):
        pretrain("--clusters=20", "--fitted_rows=10", script="benchmarks/clustering.py")


def git(*words: str, folder: Path) -> None:
    author = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_two_commits_are_the_same_or_it_is_said_in_what_they_differ(tmp_path, cache):
    """In a repository of its own, that holds the tree as it is."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, repository / name)
    git("init", "--quiet", folder=repository)
    git("add", "--all", folder=repository)
    git("commit", "--quiet", "-m", "the tree as it is", folder=repository)
    script = [sys.executable, str(repository / "scripts" / "benchmarks" / "compare_commits.py")]
    flags = ["--commit", "HEAD", "--jobs", "text_masked", "--folder", str(tmp_path / "kept")]
    environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}

    def compare() -> subprocess.CompletedProcess[str]:
        return subprocess.run([*script, *flags], env=environment, capture_output=True, text=True, timeout=280)

    same = compare()
    assert same.returncode == 0, same.stdout + same.stderr
    assert "same: 24 steps, losses identical, samples identical, weights within 0" in same.stdout
    # The control: a change of what is hidden is found.
    task = repository / "hf_ssl" / "pretext" / "masked_language.py"
    changed = task.read_text().replace("random_uniform(keys, 3", "random_uniform(keys + 1, 3")
    assert changed != task.read_text()
    task.write_text(changed)
    other = compare()
    assert other.returncode == 1
    assert "DIFFERENT: 24 steps, losses differ from step 1, samples identical" in other.stdout, other.stderr
    assert "error: 1 of 1 jobs differ: text_masked" in other.stderr


def test_an_unknown_commit_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="git rev-parse") as caught:
        pretrain("--commit=nowhere", "--folder", tmp_path / "kept", script="benchmarks/compare_commits.py")
    assert "\n" not in str(caught.value)
