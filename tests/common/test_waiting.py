"""Threads wait briefly: what is set, what the user's own settings keep, and that torch sees it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from hf_ssl.common.waiting import SETTINGS, spin_briefly

CORES = os.cpu_count() or 1


@pytest.mark.parametrize(("running", "spins"), [(1, "10000"), (CORES, "10000"), (CORES + 1, "1000"), (99, "1000")])
def test_spins_are_shorter_beside_busy_processes(tmp_path, running: int, spins: str) -> None:
    load = tmp_path / "loadavg"
    load.write_text(f"0.00 0.01 0.05 {running}/123 4567\n")
    ours: dict[str, str] = {}
    spin_briefly(ours, load)
    assert ours == {"GOMP_SPINCOUNT": spins, "KMP_BLOCKTIME": "1"}


def test_short_spins_are_set_unless_the_user_chose(tmp_path) -> None:
    ours: dict[str, str] = {}
    spin_briefly(ours, tmp_path / "not Linux")
    assert ours == {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
    for own in ({"GOMP_SPINCOUNT": "7", "KMP_BLOCKTIME": "0"}, {"OMP_WAIT_POLICY": "ACTIVE"}):
        kept = dict(own)
        spin_briefly(kept)
        assert kept == own


def test_they_are_set_before_torch_is_loaded() -> None:
    """libgomp prints its settings when it is loaded: the proof that it read ours."""
    names = {*SETTINGS, "OMP_WAIT_POLICY"}
    plain = {name: value for name, value in os.environ.items() if name not in names} | {"OMP_DISPLAY_ENV": "verbose"}
    found = {
        code: subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, timeout=120)
        for code in ("import hf_ssl.common, torch", "import torch, hf_ssl.common")
    }
    if "GOMP_SPINCOUNT" in found["import torch, hf_ssl.common"].stderr:  # this runtime is libgomp
        ours = re.compile("GOMP_SPINCOUNT = '10{3,4}'")  # by what else runs
        assert ours.search(found["import hf_ssl.common, torch"].stderr)
        assert not ours.search(found["import torch, hf_ssl.common"].stderr)
