"""Every task, stopped and resumed, trains as if it had been left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import SMALL, SMALL_IMAGES, pretrain
from pretext.test_contract import CASES, title

FLAGS = {"images": SMALL_IMAGES, "text": SMALL}  # of a short run
FIRST = {(name, modality): settings for name, modality, settings in reversed(CASES)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=title(c), marks=[] if FIRST[c[0], c[1]] is c[2] else [pytest.mark.endurance]) for c in CASES],
)
def test_stop_and_resume_equals_a_straight_run(case, images, parquet, tmp_path):
    name, modality, settings = case
    flags = [f"--{flag}={value}" for flag, value in settings.items()]
    data = {"images": images, "text": parquet}[modality]
    command = ["--task", name, *FLAGS[modality], *flags, "--dataset_name", data, "--output_dir"]
    pretrain(*command, tmp_path / "straight", script="pretrain.py")
    pretrain(*command, tmp_path / "stopped", script="pretrain.py")
    cut_back(tmp_path / "stopped", step=8)
    pretrain(*command, tmp_path / "stopped", script="pretrain.py")
    straight, stopped = (log_of(tmp_path / run) for run in ("straight", "stopped"))
    assert straight == stopped
    figures = [json.loads((tmp_path / run / "results.json").read_text()) for run in ("straight", "stopped")]
    assert figures[0]["heldout"] == figures[1]["heldout"]
    assert figures[0]["features"] == figures[1]["features"]
    assert (figures[0]["task"], figures[0]["modality"]) == (name, modality)
    assert figures[0]["heldout"]


def cut_back(folder: Path, step: int) -> None:
    """As if the run had been killed after a checkpoint."""
    (folder / "results.json").unlink()
    for path in (folder / "checkpoints").glob("step_*"):
        if int(path.name.split("_")[1]) > step:
            for file in path.iterdir():
                file.unlink()
            path.rmdir()


def log_of(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "data_seconds")} for line in lines]
