"""A task is three files, of few methods."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass

from conftest import ROOT
from pretext.test_contract import CASES

from hf_ssl.modalities.known import MODALITIES
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.pairing import modalities_of, task_class, task_names

MOST_HOOKS = 8
MOST_LINES = 61  # of a small task: its file, its test, its card


def test_every_task_is_here_and_has_its_three_files():
    for name in task_names():
        assert (ROOT / "hf_ssl" / "pretext" / f"{name}.py").exists()
        assert (ROOT / "tests" / "pretext" / f"test_{name}.py").exists()
        assert (ROOT / "model_cards" / f"{name}.md").exists()
        assert is_dataclass(task_class(name))


def test_every_task_is_tested_on_every_modality_that_it_goes_with():
    for name in task_names():
        tested = {modality for task, modality, _ in CASES if task == name}
        assert tested == set(modalities_of(task_class(name))) <= set(MODALITIES)


def test_a_task_has_few_methods():
    public = [
        name
        for name, value in vars(PretextTask).items()
        if (inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod))
        and not name.startswith("__")
    ]
    assert len(public) <= MOST_HOOKS, public


def test_a_small_task_takes_three_files_of_few_lines():
    files = ("hf_ssl/pretext/rotation.py", "tests/pretext/test_rotation.py", "model_cards/rotation.md")
    assert sum(len((ROOT / file).read_text().splitlines()) for file in files) <= MOST_LINES
