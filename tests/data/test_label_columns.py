"""The column of the labels: a name that is usual, a single one that is likely, or several that are listed."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.label_columns import find_label_column, sentence_about_labels

TEXTS = ["a text that is longer than the name of any class would be, ever so long", "another"]


@pytest.mark.parametrize(
    ("columns", "found", "said"),
    [
        ({"labels": [0, 1]}, "labels", "labels are read from column 'labels' (--label_column chooses)"),
        ({"fine_label": ["a", "b"]}, "fine_label", "labels are read from column 'fine_label' (--label_column chooses)"),
        ({"Label": [True, False]}, "Label", "labels are read from column 'Label' (--label_column chooses)"),
        ({"category": ["a", "b"], "id": [1, 2]}, "category", "labels are read from column 'category'"),
        (
            {"fine_label": [0, 1], "coarse_label": [0, 0]},
            None,
            "no labels are used: name one of the columns fine_label,",
        ),
        ({"label": [0, 1], "fine_label": [0, 1]}, "label", None),
        ({"labels": [[0], [1]]}, None, None),  # several for a row
        ({"target": TEXTS}, None, None),  # of a translation
        ({"relabelled_by": ["a", "b"]}, None, None),
        ({"label": [math.nan, 0.0]}, "label", None),  # the first is missing
        ({"label": [math.nan, 0.5]}, None, None),  # quantities
    ],
)
def test_likely_columns(columns, found, said):
    table = pa.table({"text": TEXTS} | columns)
    assert find_label_column(table, DataArguments()) == found
    sentence = sentence_about_labels(table, DataArguments())
    assert sentence == said if said is None else sentence.startswith(said)


def test_a_named_column_says_nothing():
    table = pa.table({"text": TEXTS, "fine_label": [0, 1], "coarse_label": [0, 0]})
    named = DataArguments(label_column="fine_label")
    assert find_label_column(table, named) == "fine_label"
    assert sentence_about_labels(table, named) is None


def test_the_only_column_is_the_input():
    assert find_label_column(pa.table({"category": ["a", "b"]}), DataArguments()) is None
