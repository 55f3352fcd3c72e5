"""A modality that no file of the package knows of, some rows of it, and a finished run."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import pretrain

from hf_ssl.evaluation import intervals
from modalities.toy import example
from modalities.toy.example import FLAGS


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """One line adds the modality, one file its card."""
    with (
        example.added_with_its_card(tmp_path_factory.mktemp("cards") / "model_cards"),
        pytest.MonkeyPatch.context() as few,
    ):
        few.setattr(intervals, "RESAMPLES_OF_CLUSTERS", 20)  # of which each takes a while
        yield


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    return example.write(tmp_path_factory.mktemp("data") / "series")


@pytest.fixture(scope="module")
def run(added, series, tmp_path_factory) -> Path:
    """A finished run; nothing but the data says which modality it is of."""
    folder = tmp_path_factory.mktemp("runs") / "series"
    pretrain(*FLAGS, "--dataset_name", series, "--output_dir", folder, script="pretrain.py")
    return folder
