"""Every script is run by a test, and says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, run

SCRIPTS = sorted(path.relative_to(ROOT / "scripts").as_posix() for path in (ROOT / "scripts").rglob("*.py"))
TESTS = {path: path.read_text() for path in Path(__file__).parent.rglob("*.py") if path.name != Path(__file__).name}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_test_runs_it(script):
    name = script.removeprefix("benchmarks/")
    assert any(f'"{name}"' in text or f'"{script}"' in text or f"/{name}" in text for text in TESTS.values())


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_says_what_it_is_for(script, cache):
    done = run("--help", script=script, cache=cache)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
