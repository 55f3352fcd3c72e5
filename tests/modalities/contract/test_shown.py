"""How every modality shows inputs to people."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_ssl.common.errors import UserError
from modalities.contract.made import ROWS, sentence


def test_inputs_are_shown_as_json(made):
    for value in made.inputs[:5]:
        shown, excerpt = made.modality.shown(value), made.modality.excerpt(value)
        assert shown
        json.dumps([shown, excerpt])
        assert set(excerpt) <= {"text"}
        assert "\n" not in excerpt.get("text", "")
        assert "image" in shown or shown.get("text") or excerpt.get("text")  # a report shows one of them
    json.dumps(made.modality.page(made.inputs, {}))
    assert made.modality.fillers([]) == {}


@pytest.mark.parametrize("asked", [None, 12, {}, [], "", {"times": [1]}, b"x"])
def test_nonsense_that_is_asked_is_one_sentence(made, asked):
    with pytest.raises(UserError) as error:
        made.modality.asked(asked)
    assert sentence(error)


def test_an_uploaded_file_of_something_else_is_one_sentence(made):
    with pytest.raises(UserError) as error:
        made.modality.uploaded(b"not a file of anything")
    assert sentence(error)


def test_inputs_are_kept_in_a_parquet_file(made, tmp_path):
    pq.write_table(pa.table({"rows": made.modality.to_column(made.inputs)}), tmp_path / "rows.parquet")
    read = made.modality.from_column(pq.read_table(tmp_path / "rows.parquet").column("rows"))
    assert list(map(made.modality.content, read)) == list(map(made.modality.content, made.inputs))


def test_clusters_have_terms_or_none(made):
    clusters = np.arange(ROWS) % 3
    terms = made.modality.terms_of(made.inputs, clusters, 4)
    assert terms == {} or (set(terms) == {0, 1, 2} and all(len(found) <= 4 for found in terms.values()))
