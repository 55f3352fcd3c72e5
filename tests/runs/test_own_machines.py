"""Machines that people have: a home that cannot be written to, a terminal without their letters, paths that begin at home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import SMALL, run, sentences

FEW = [*SMALL, "--max_steps=2"]


@pytest.fixture
def labelled(tmp_path) -> Path:
    names = {0: "花园", 1: "厨房", 2: "海港"}
    rows = zip(*sentences(200), strict=True)
    lines = [json.dumps({"text": text, "label": names[label]}, ensure_ascii=False) for text, label in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "rows.jsonl"


def test_a_home_that_cannot_be_made_hurts_nothing_that_is_local(labelled, tmp_path):
    home = labelled / "home"  # below a file
    done = run(*FEW, "--dataset_name", labelled, "--output_dir", tmp_path / "run", cache=home)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))["features"]


@pytest.mark.parametrize("dataset", ["embedded:docs", "nobody/nothing"])
def test_a_home_that_cannot_be_made_is_named(dataset, labelled, tmp_path):
    done = run(*FEW, "--dataset_name", dataset, "--output_dir", tmp_path / "run", cache=labelled / "home")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "set HF_HOME" in line
    assert "Traceback" not in done.stderr


ASCII = [
    {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
    pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.endurance),
    pytest.param({"LC_ALL": "C"}, marks=pytest.mark.endurance),
]


@pytest.mark.slow
@pytest.mark.parametrize("environment", ASCII)
def test_letters_that_the_terminal_lacks_are_escaped(environment, labelled, tmp_path, cache):
    data = ["--dataset_name", labelled]
    first = run(*FEW, *data, "--output_dir", tmp_path / "run", cache=cache, environment=environment)
    assert first.returncode == 0, first.stderr
    flags = [*data, "--max_steps=2", "--model_name_or_path", tmp_path / "run", "--output_dir", tmp_path / "fine"]
    second = run(*flags, cache=cache, script="fine_tune.py", environment=environment)
    assert second.returncode == 0, second.stderr
    assert "花园" in (tmp_path / "fine" / "README.md").read_text(encoding="utf-8")
    wrong = ["--dataset_name", labelled, "--label_column=标签", "--output_dir", tmp_path / "other"]
    third = run(*FEW, *wrong, cache=cache, environment=environment)
    assert third.returncode == 1
    assert "Traceback" not in third.stderr
    assert "has no column" in third.stderr


def test_a_path_that_begins_at_home(labelled, tmp_path, cache):
    (tmp_path / "config.yaml").write_text(
        "mixed_precision: no\noutput_dir: ~/runs/mine\nmax_steps: 2\nsequence_length: 32\nbatch_size: 8\n"
        "dataset_name: ~/rows.jsonl\nlearning_rate: 1e-3\npush_to_hub: off\nlabel_column: null\nvocabulary_size: 400\n"
    )
    done = run("--config", tmp_path / "config.yaml", cache=cache, environment={"HOME": str(tmp_path)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    config = (tmp_path / "runs" / "mine" / "config.yaml").read_text(encoding="utf-8")
    assert "mixed_precision: 'no'" in config
    assert not (tmp_path / "~").exists()
    flags = ["--dataset_name=~/rows.jsonl", "--output_dir=~/again"]  # which shells leave as they are
    done = run(*FEW, *flags, cache=cache, environment={"HOME": str(tmp_path)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "results.json").exists()
