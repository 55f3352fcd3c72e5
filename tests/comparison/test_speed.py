"""The speed of a machine is measured once a comparison, kept, and never above the usual one."""

from __future__ import annotations

import json

import pytest

from hf_ssl.comparison import speed
from hf_ssl.comparison.speed import kept_speed


def test_the_speed_is_measured_once_and_kept(tmp_path):
    path = tmp_path / "plan.json"
    measured = kept_speed(path)
    assert 0 < measured <= 1
    path.write_text(json.dumps({"speed": 0.25}))
    assert kept_speed(path) == 0.25


@pytest.mark.parametrize(("slower", "expected"), [(2.5, 0.4), (0.5, 1.0), (1.02, 1.0), (1000, 0.2)])
def test_slower_is_less_and_faster_or_nearly_as_fast_is_as_usual(tmp_path, monkeypatch, slower, expected):
    monkeypatch.setattr(speed, "_step_seconds", lambda: speed.USUAL_SECONDS * slower)
    assert kept_speed(tmp_path / "plan.json") == expected
