"""The run folder: what is refused leaves no trace, what changed is named, a full disk loses nothing."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import SMALL, command, pretrain, refused, run, sentences, write_parquet

from hf_ssl.common.errors import UserError


def test_changed_data_and_configuration(tmp_path):
    folder = write_parquet(tmp_path / "data")
    arguments = [*SMALL, "--max_steps=4", "--dataset_name", folder, "--output_dir", tmp_path / "run"]
    pretrain(*arguments)
    (tmp_path / "run" / "results.json").unlink()
    with pytest.raises(UserError, match="holds a run with batch_size=8, not 16; give --batch_size 8 to resume it"):
        pretrain(*arguments, "--batch_size=16")
    shard = folder / "train-00001.parquet"
    content = bytearray(shard.read_bytes())
    content[300] ^= 1
    shard.write_bytes(content)
    with pytest.raises(UserError, match="train-00001.parquet changed since"):
        pretrain(*arguments)
    content[300] ^= 1
    shard.write_bytes(content)
    pretrain(*arguments)
    assert (tmp_path / "run" / "results.json").exists()


def test_json_lines_cut_at_a_line_end(tmp_path):
    path = tmp_path / "data.jsonl"
    lines = [json.dumps({"text": text}) + "\n" for text in sentences(300)[0]]
    path.write_text("".join(lines))
    arguments = [*SMALL, "--max_steps=4", "--dataset_name", path, "--output_dir", tmp_path / "run"]
    pretrain(*arguments)
    (tmp_path / "run" / "results.json").unlink()
    path.write_text("".join(lines[:-3]))
    with pytest.raises(UserError, match="data.jsonl changed since .* bytes then"):
        pretrain(*arguments)


def test_output_folders(tmp_path, parquet):
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "thesis.txt").write_text("mine")
    refused(occupied, "--dataset_name", parquet, match="holds something that is not a run")
    assert [path.name for path in occupied.iterdir()] == ["thesis.txt"]
    (tmp_path / "file").write_text("a file")
    refused(tmp_path / "file", "--dataset_name", parquet, match="cannot write to")
    refused(Path("/proc/run"), "--dataset_name", parquet, match="cannot write to /proc/run")


def test_an_empty_folder_is_left_empty_and_usable(tmp_path, parquet):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(UserError, match="no column 'body'"):
        pretrain(*SMALL, "--dataset_name", parquet, "--output_dir", folder, "--text_column=body")
    assert {path.name for path in folder.iterdir()} <= {".lock"}
    (folder / ".config.yaml.writing").write_text("left by a kill")
    pretrain(*SMALL, "--dataset_name", parquet, "--output_dir", folder, "--max_steps=2")
    assert (folder / "results.json").exists()


@pytest.mark.slow
@pytest.mark.endurance  # a checkpoint on a full disk is tested in every run
def test_the_log_on_a_full_disk(tmp_path, parquet, cache):
    """The log may grow by little more than a line; afterwards the same command goes on, exactly."""
    folder = tmp_path / "run"
    arguments = [*SMALL, "--dataset_name", parquet, "--output_dir", folder]
    pretrain(*arguments)
    expected = (folder / "log.jsonl").read_text().splitlines()
    (folder / "results.json").unlink()
    shutil.rmtree(folder / "checkpoints" / "step_00000012")
    size = sum(len(line) + 1 for line in expected[:8])
    result = subprocess.run(
        command(*arguments), env=os.environ | {"HF_HOME": str(cache)}, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, resource.RLIM_INFINITY)),
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert re.search(r"error: cannot write .*log.jsonl .*free some space and rerun the same command", result.stderr)
    assert "Traceback" not in result.stderr
    pretrain(*arguments)
    kept = [
        [json.loads(line)[key] for key in ("step", "samples", "loss")]
        for line in (folder / "log.jsonl").read_text().splitlines()
    ]
    assert kept == [[json.loads(line)[key] for key in ("step", "samples", "loss")] for line in expected]


@pytest.mark.slow
def test_a_full_disk(tmp_path, parquet, cache):
    """Files may not grow past a megabyte: the first checkpoint cannot be written. With room, the same command works."""
    folder = tmp_path / "run"
    arguments = [*SMALL, "--dataset_name", parquet, "--output_dir", folder]
    environment = os.environ | {"HF_HOME": str(cache)}
    result = subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY)),
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "cannot write the checkpoint" in result.stderr
    assert "MiB are free; free some space and rerun the same command" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((folder / "checkpoints").iterdir()) == []
    result = run(*arguments, cache=cache)
    assert result.returncode == 0, result.stderr
    assert len((folder / "log.jsonl").read_text().splitlines()) == 12
