"""Doubts about labels, and scikit-learn's advice, which is acted on."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import sentences
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from hf_ssl.common.quiet import without_advice
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.doubts import doubts_about_labels


@pytest.mark.parametrize(
    ("labels", "doubt"),
    [
        ([0, 1] * 60, None),
        ([7] * 120, "holds one value (7) in the first 120 rows"),
        ([-1] * 120, "is empty in the first 120 rows"),
        ([math.nan] * 119 + [1.0], "holds one value (1) in the first 120 rows"),
        ([math.nan] * 120, "is empty in the first 120 rows"),
        ([""] * 120, "is empty in the first 120 rows"),
        ([f"id {number}" for number in range(120)], "holds another value in each of the first 120 rows"),
        ([0.5, 1.5] * 60, "its labels are quantities such as"),
    ],
)
def test_label_columns(tmp_path, labels, doubt):
    table = pa.table({"text": sentences(120)[0], "label": labels, "other": [[1]] * 120})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    rows = open_source(DataArguments(dataset_name=str(tmp_path / "rows.parquet"))).train
    found = doubts_about_labels(rows.of_columns(table, ["text"], "label"), "label")
    assert (found == []) if doubt is None else (doubt in found[0])


def test_advice_of_scikit_learn_is_quiet_and_that_of_others_is_not():
    points = np.random.default_rng(0).normal(size=(8, 3))
    hard = LogisticRegression(max_iter=1)
    with pytest.warns(ConvergenceWarning):
        hard.fit(points, [0, 1] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with without_advice():
            hard.fit(points, [0, 1] * 4)
            LogisticRegression().fit(points, range(8))  # many labels for few rows
        with pytest.raises(UserWarning, match="ours"), without_advice():
            warnings.warn("ours", UserWarning, stacklevel=2)
