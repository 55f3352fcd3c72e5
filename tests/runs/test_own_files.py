"""People's own folders, through the real scripts: what is left out is said, recorded and on the card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, SMALL_IMAGES, picture, png, pretrain, refused, run, sentences, write_parquet

from hf_ssl.common.errors import UserError
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.opening import open_demo

FEW = [*SMALL, "--max_steps=2"]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten text files, one that is no text, one that describes."""
    made = tmp_path / "my files"
    made.mkdir()
    texts = sentences(300)[0]
    for number in range(10):
        (made / f"train-of-thought {number}.txt").write_text("\n".join(texts[30 * number : 30 * number + 30]))
    (made / "scan.pdf").write_bytes(b"%PDF-1.4")
    (made / "README.md").write_text("# Mine\n")
    return made


def recorded(path: Path) -> dict:
    return json.loads((path / "results.json").read_text())["data"]["files"]


LINE = (
    "files: plain text; train: 10 files; 10 of 11 files are read; not read: scan.pdf (.pdf is PDF; extract the text, for "
    "example with pdftotext); beside the data: README.md"
)


def test_a_run(folder, tmp_path, capsys):
    pretrain(*FEW, "--dataset_name", folder, "--output_dir", tmp_path / "run")
    assert LINE in capsys.readouterr().out
    files = recorded(tmp_path / "run")
    assert (files["read"], files["not_read"], files["splits"], files["beside"]) == (10, 1, {"train": 10}, 1)
    (named,) = files["named"]
    assert named["path"] == "scan.pdf"
    assert files["reasons"] == {named["reason"]: 1}
    assert f"| files | 10 read, 1 not read: 1 `{named['reason']}` |" in (tmp_path / "run" / "README.md").read_text()


def test_a_share_that_is_too_large_stops_the_run(folder, tmp_path):
    refused(tmp_path / "run", "--dataset_name", folder, "--max_skipped=0.05", match="1 of 11 files of .* are not read")
    for number in range(4):
        (folder / f"{number}.docx").write_bytes(b"PK")
    refused(
        tmp_path / "run",
        "--dataset_name",
        folder,
        match="5 of 15 files of .* more than the share of 0.2 that --max_skip",
    )


@pytest.mark.slow
def test_a_comparison(folder, tmp_path, capsys):
    pretrain("--dataset_name", folder, "--budget=20s", "--output_dir", tmp_path / "compared", script="compare.py")
    assert LINE in capsys.readouterr().out
    files = recorded(tmp_path / "compared")
    assert (files["read"], files["not_read"]) == (10, 1)


@pytest.mark.slow
def test_a_classifier(tmp_path, capsys):
    data = write_parquet(tmp_path / "data", count=300)
    (data / "notes.docx").write_bytes(b"PK")
    flags = ["--dataset_name", data, "--max_skipped=0.5"]
    pretrain(*FEW, *flags, "--output_dir", tmp_path / "run")
    capsys.readouterr()
    where = ["--model_name_or_path", tmp_path / "run", "--output_dir", tmp_path / "fine", "--max_steps=2"]
    pretrain(*flags, *where, script="fine_tune.py")
    assert "2 of 3 files are read; not read: notes.docx" in capsys.readouterr().out
    assert recorded(tmp_path / "fine")["not_read"] == 1


def test_the_demo(folder, capsys):
    open_demo(DemoArguments(dataset=[str(folder)]))
    assert LINE in capsys.readouterr().out


@pytest.mark.slow
def test_class_folders_called_like_a_split(tmp_path, cache):
    generator = np.random.default_rng(0)
    for name in ("bus", "car", "train"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "data" / name / f"photo of a train {number}.png").write_bytes(
                png(picture(number % 3, generator))
            )
    flags = [*SMALL_IMAGES, "--max_steps=2", "--task=rotation", "--dataset_name", tmp_path / "data"]
    done = run(*flags, "--output_dir", tmp_path / "run", script="pretrain.py", cache=cache)
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "run" / "results.json").read_text())["data"]
    assert (data["files"]["read"], data["label_column"]) == (60, "label")


@pytest.mark.slow
def test_no_image_is_lost_and_another_reading_is_refused_where_a_run_began(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "note": "x"}) for text in sentences(80)[0]))
    flags = ["--dataset_name", path, "--output_dir", tmp_path / "run"]
    pretrain(*FEW, *flags)
    with pytest.raises(UserError, match="--text_column"):
        pretrain(*FEW, *flags, "--text_column=note")
