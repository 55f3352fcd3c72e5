"""Checkpoints: every damage is found, a kill at any moment leaves one that loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from hf_ssl.common.errors import UserError
from hf_ssl.training import checkpoint
from hf_ssl.training.checkpoint import damage, newest_checkpoint, save_checkpoint

FILES = ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]


def save(root, step):
    tensors = {
        "model": {"weight": torch.full((64, 64), float(step))},
        "optimizer": {"0.0.step": torch.tensor(float(step))},
    }
    return save_checkpoint(root, {"step": step, "positions": {"0": {}}}, tensors)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def zero_tail(path):
    size = path.stat().st_size
    content = bytearray(path.read_bytes())
    content[size // 2 :] = bytes(size - size // 2)
    path.write_bytes(content)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def test_two_are_kept_and_the_newest_is_loaded(tmp_path):
    for step in (4, 8, 12):
        save(tmp_path, step)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step_00000008", "step_00000012"]
    newest = newest_checkpoint(tmp_path)
    assert newest.state["step"] == 12
    assert newest.tensors("model")["weight"].unique().item() == 12


def test_none_where_there_never_was_one(tmp_path):
    assert newest_checkpoint(tmp_path) is None


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("harm", [truncate, zero_tail, flip_a_bit, remove, empty])
def test_every_damage_is_refused_by_name(tmp_path, capsys, file, harm):
    save(tmp_path, 4)
    newest = save(tmp_path, 8)
    assert damage(newest) is None  # the negative control
    harm(newest / file)
    loaded = newest_checkpoint(tmp_path)
    assert loaded.state["step"] == 4
    assert "step_00000008 is damaged" in capsys.readouterr().err
    assert (tmp_path / "damaged_step_00000008").exists()
    save(tmp_path, 8)  # the name is free again
    assert newest_checkpoint(tmp_path).state["step"] == 8


def test_if_all_are_damaged_nothing_starts_silently_from_the_start(tmp_path):
    for step in (4, 8):
        flip_a_bit(save(tmp_path, step) / "model.safetensors")
    for _ in range(2):
        with pytest.raises(UserError, match="no checkpoint in .* is intact"):
            newest_checkpoint(tmp_path)


def test_a_full_disk_leaves_the_old_one(tmp_path):
    code = (
        f"import resource, sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); from pathlib import Path; from test_checkpoint import save\n"
        "from hf_ssl.common.errors import UserError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        f"try: save(Path({str(tmp_path)!r}), 8)\n"
        "except UserError as error: print(error)\n"
    )
    save(tmp_path, 4)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "MiB are free; free some space and rerun the same command" in result.stdout, result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["step_00000004"]
    assert newest_checkpoint(tmp_path).state["step"] == 4


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("most", [2, pytest.param(1000, marks=[pytest.mark.endurance, pytest.mark.timeout(1800)])])
@pytest.mark.parametrize("call", ["write", "fsync", "rename", "mkdir", "openat"])
def test_a_kill_at_any_system_call_leaves_a_whole_checkpoint(tmp_path, call, most):
    root, trace = tmp_path / "run", tmp_path / "trace"
    here = os.path.dirname(__file__)
    code = f"import sys; sys.path.insert(0, {here!r}); from pathlib import Path; from test_checkpoint import save; "
    program = [sys.executable, "-c", f"{code} save(Path({str(root)!r}), 8)"]
    strace = ["strace", "-f", "-y", "-qq", "-o", str(trace), "-e", f"trace={call}"]
    save(root, 4)
    subprocess.run([*strace, *program], capture_output=True, check=True)
    main = trace.read_text().split(maxsplit=1)[0]  # calls are counted for each thread; the main one saves
    calls = [line for line in trace.read_text().splitlines() if line.startswith(f"{main} ")]
    ours = [number for number, line in enumerate(calls, start=1) if str(root) in line]
    assert ours
    outcomes = []
    for number in evenly(ours, most):
        shutil.rmtree(root)
        save(root, 4)
        subprocess.run([*strace, "-e", f"inject={call}:signal=KILL:when={number}", *program], capture_output=True)
        outcomes.append(newest_checkpoint(root).state["step"])
    assert set(outcomes) <= {4, 8}
    assert 4 in outcomes  # some kill really came before the end


def evenly(numbers: list[int], most: int) -> list[int]:
    """At most so many members, evenly spaced."""
    count = min(most, len(numbers))
    return [numbers[round(i * (len(numbers) - 1) / max(1, count - 1))] for i in range(count)]


def test_without_the_manifest_check_damage_would_load(tmp_path, monkeypatch):
    """The negative control of the damage tests."""
    save(tmp_path, 4)
    flip_a_bit(save(tmp_path, 8) / "model.safetensors")
    monkeypatch.setattr(checkpoint, "damage", lambda path: None)
    assert newest_checkpoint(tmp_path).state["step"] == 8


def test_state_is_json(tmp_path):
    path = save(tmp_path, 4)
    assert json.loads((path / "state.json").read_text())["step"] == 4
    assert sorted(file.name for file in path.iterdir()) == sorted(FILES)
