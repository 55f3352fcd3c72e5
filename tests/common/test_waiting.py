"""Threads wait briefly: what is set, what the user's own settings keep, and that torch sees it."""

from __future__ import annotations

import os
import subprocess
import sys

from hf_ssl.common.waiting import SETTINGS, spin_briefly


def test_short_spins_are_set_unless_the_user_chose() -> None:
    ours: dict[str, str] = {}
    spin_briefly(ours)
    assert ours == {name: value for name, (value, _) in SETTINGS.items()}
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
        assert "GOMP_SPINCOUNT = '10000'" in found["import hf_ssl.common, torch"].stderr
        assert "GOMP_SPINCOUNT = '10000'" not in found["import torch, hf_ssl.common"].stderr
