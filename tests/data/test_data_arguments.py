"""Flags that say which rows are read."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"eval_split": "train"}, "--eval_split train is also the train split; .* to hold out a part"),
        ({"train_split": "test", "eval_split": "test"}, "--eval_split test is also the train split"),
        ({"max_skipped": -0.1}, "--max_skipped must lie between 0 and 1, not -0.1"),
        ({"max_skipped": 1.5}, "--max_skipped must lie between 0 and 1, not 1.5"),
        ({"max_skipped": float("nan")}, "--max_skipped must lie between 0 and 1, not nan"),
        ({"read_timeout": 0.0}, "--read_timeout must be above 0, not 0.0"),
        ({"read_timeout": float("nan")}, "--read_timeout must be above 0, not nan"),
        ({"dataloader_num_workers": -1}, "--dataloader_num_workers must be at least 0, not -1"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match) as caught:
        DataArguments(**flags)
    assert "\n" not in str(caught.value)


def test_what_is_allowed():
    DataArguments(eval_split="test", max_skipped=0.0, read_timeout=0.5, dataloader_num_workers=3)
    DataArguments(max_skipped=1.0)
    assert DataArguments().dataset_name == "embedded"
    assert DataArguments().max_skipped is None  # the modality says


def test_every_flag_is_told_in_a_sentence():
    for field in fields(DataArguments):
        assert field.metadata["help"].endswith("."), field.name
