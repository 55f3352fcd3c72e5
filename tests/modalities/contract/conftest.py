"""Every modality with its settings, on rows of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import inputs_of

from hf_ssl.modalities.known import modality_class
from hf_ssl.modalities.prepared import Needs
from modalities.contract.made import NAMES, ROWS, Made, example
from modalities.toy.example import added


def cases() -> list[Any]:
    found = []
    for name in NAMES:
        others = getattr(example(name), "others", list)()
        for settings in (example(name).settings(), *others):
            found.append(pytest.param((name, settings), id="-".join([name, *map(str, list(settings.values())[1:])])))
    return found


@pytest.fixture(scope="module", autouse=True)
def _added():
    with added():
        yield


@pytest.fixture(scope="module", params=cases())
def made(request) -> Made:
    name, settings = request.param
    block = example(name).block(ROWS)
    modality = modality_class(name)(**settings).for_columns(block.table, "made up", "label")
    inputs = inputs_of(modality, block)
    return Made(modality, modality.prepare(inputs, Needs()), block, inputs)


@pytest.fixture(scope="module")
def encoder(made):
    return made.modality.encoder(made.prepared, 0).eval()


@pytest.fixture(scope="module")
def saved(made, encoder, tmp_path_factory) -> Path:
    """The folder of a finished run's model: encoder, processor, and what other libraries need."""
    folder = tmp_path_factory.mktemp("saved")
    encoder.save_pretrained(folder)
    made.prepared.processor.save_pretrained(folder)
    made.modality.write_beside(encoder, folder)
    return folder
