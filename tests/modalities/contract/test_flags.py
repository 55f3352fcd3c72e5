"""What the files and flags of every modality promise."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.flags import ModalityFlags, ViewFlags
from hf_ssl.modalities.known import MODALITIES, flags_of, modality_class
from hf_ssl.pretext.pairing import flag_types, pair, task_names
from hf_ssl.training.arguments import TrainingArguments
from modalities.contract.made import NAMES


@pytest.mark.parametrize("name", MODALITIES)
def test_it_has_its_folder_its_tests_and_its_card(name):
    for file in ("__init__.py", "flags.py", "modality.py"):
        assert (ROOT / "hf_ssl" / "modalities" / name / file).exists()
    assert (ROOT / "tests" / "modalities" / name / "example.py").exists()
    card = (ROOT / "model_cards" / "modalities" / f"{name}.md").read_text()
    assert set(re.findall(r"{% block (\w+) %}", card)) >= {"encoder", "views", "inputs", "use", "limits"}


@pytest.mark.parametrize("name", NAMES)
def test_its_flags_are_dataclasses_that_explain_themselves(name):
    (flags, views), kind = flags_of(name), modality_class(name)
    assert issubclass(flags, ModalityFlags)
    assert issubclass(views, ViewFlags)
    assert issubclass(kind, flags)
    assert issubclass(kind, Modality)
    assert kind.name == name
    assert kind().views == views()  # all defaults are valid
    own = [each.name for each in dataclasses.fields(flags)]
    assert not {each.name for each in dataclasses.fields(views)} & {*own, "views"}
    assert set(flags.reading) <= set(own)
    for each in (*dataclasses.fields(flags), *dataclasses.fields(views)):
        assert each.metadata["help"].endswith((".", ")")), each.name
        assert each.default is not dataclasses.MISSING
    for frozen in (flags(), views()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            frozen.made_up = 1


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_tasks_is_true(name):
    (flags, _), costs = flags_of(name), modality_class(name).costs
    training = TrainingArguments.__dataclass_fields__
    for task, settings in (*flags.recipes.items(), *costs.settings.items()):
        assert task in task_names()
        pair(task, name, **{flag: value for flag, value in settings.items() if flag not in training})
    for task in (*costs.tasks, *costs.seconds, *costs.most_steps):
        assert flag_types(task, name)
    assert costs.tasks[0] in costs.seconds


def test_flags_do_not_wait_for_torch():
    """--help asks all of them."""
    lines = [f"import {MODALITIES[name]}" for name in NAMES]
    code = "\n".join(["import sys", *lines, "assert 'torch' not in sys.modules"])
    path = f"{ROOT}:{ROOT / 'tests'}"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
