"""Cells: computed once, again when anything they depend on changes, never read half-written."""

from __future__ import annotations

import numpy as np
import pytest

from hf_ssl.evaluation.cells import Cells


@pytest.fixture
def counted(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"value": len(calls)}, {"numbers": np.arange(5)}

    return Cells(tmp_path, {"seed": 0}), compute, calls


def test_a_cell_is_computed_once(counted):
    cells, compute, calls = counted
    first, again = (cells("name", {"rows": 5}, compute) for _ in range(2))
    assert first.figures == again.figures == {"value": 1}
    assert np.array_equal(again.arrays["numbers"], np.arange(5))
    assert len(calls) == 1


@pytest.mark.parametrize("change", ["name", "depends", "common", "versions"])
def test_whatever_it_depends_on_makes_another_cell(counted, change):
    cells, compute, calls = counted
    cells("name", {"rows": 5}, compute)
    if change == "common":
        cells = Cells(cells.folder, {"seed": 1})
    if change == "versions":
        cells.common["versions"] = {"numpy": "another"}
    cells("other" if change == "name" else "name", {"rows": 6 if change == "depends" else 5}, compute)
    assert len(calls) == 2


@pytest.mark.parametrize("file", ["cell.json", "arrays.safetensors"])
def test_a_damaged_cell_is_computed_again(counted, file, capsys):
    cells, compute, calls = counted
    cells("name", {}, compute)
    path = next(cells.folder.iterdir()) / file
    path.write_bytes(path.read_bytes()[:10])
    assert cells("name", {}, compute).figures == {"value": 2}
    assert "cannot be read" in capsys.readouterr().err
    assert cells("name", {}, compute).figures == {"value": 2}
    assert len(calls) == 2


def test_what_fails_leaves_nothing(counted):
    cells, compute, calls = counted

    def fails():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cells("name", {}, fails)
    assert not any(cells.folder.iterdir())
    cells("name", {}, compute)
    assert len(calls) == 1
