"""The rows of a comparison: what is found in a data set, and what is said of labels that are no labels."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import sentences, write_images

from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.errors import UserError
from hf_ssl.evaluation.rows import compared_rows

NOTHING_NAMED = {"text": None, "images": None}


def rows_of(folder, columns=None, named=None, most=(1000, 300), count=400, **flags):
    if columns is not None:
        folder.mkdir()
        texts = sentences(count)[0]
        pa.parquet.write_table(pa.table({"text": texts, **columns}), folder / "train.parquet")
    data = DataArguments(dataset_name=str(folder), **flags)
    return compared_rows(open_source(data), data, named or NOTHING_NAMED, 16, most)


def labels(count=400):
    return sentences(count)[1]


def test_text_is_found_and_labels_are_counted(parquet):
    rows = rows_of(parquet)
    assert (rows.kind, rows.column, rows.label_column) == ("text", "text", "label")
    assert rows.names == ["0", "1", "2"]
    assert rows.notes == []
    assert len(rows.bank.inputs) + len(rows.test.inputs) == 600
    assert rows.all_clustered  # few rows: clusters are sought among all of them
    assert len(rows.clustered.inputs) == len(rows.clustered.labels) == 600
    assert not set(rows.bank.inputs) & set(rows.test.inputs)


def test_images_are_found(tmp_path):
    rows = rows_of(write_images(tmp_path / "pictures"))
    assert (rows.kind, rows.column) == ("images", "image")
    assert rows.bank.inputs[0].shape == (16, 16, 3)


def test_the_longest_words_are_taken_where_no_column_is_called_text(tmp_path):
    texts = sentences(50)[0]
    (tmp_path / "data").mkdir()
    table = pa.table({"id": [str(n) for n in range(50)], "body": texts})
    pa.parquet.write_table(table, tmp_path / "data" / "train.parquet")
    assert rows_of(tmp_path / "data").column == "body"
    assert rows_of(tmp_path / "data", named={"text": "id", "images": None}).column == "id"


def test_the_record_changes_with_every_row_and_label(tmp_path, parquet):
    first = rows_of(tmp_path / "a", {"label": labels()}).record()
    same = rows_of(tmp_path / "b", {"label": labels()}).record()
    other = rows_of(tmp_path / "c", {"label": [1 - min(1, label) for label in labels()]}).record()
    assert first["content"] == same["content"] != other["content"]


@pytest.mark.parametrize(
    "found",
    [
        lambda label: ["rose", "oven", "ship"][label],
        lambda label: float(label),
        lambda label: bool(label),
    ],
)
def test_labels_of_any_kind(tmp_path, found):
    rows = rows_of(tmp_path / "data", {"label": [found(label) for label in labels()]})
    assert len(rows.names) == len({found(label) for label in labels()})
    assert rows.notes == []


def test_missing_labels_leave_their_rows_in(tmp_path):
    some = [None if n % 3 else float(label) for n, label in enumerate(labels())]
    rows = rows_of(tmp_path / "data", {"label": some})
    assert len(rows.known) == (rows.bank.labels >= 0).sum() < 200
    assert len(rows.bank.inputs) > 300
    assert "266 of 400 rows have no label" in rows.notes[0]


def test_a_label_of_one_row_is_left_out(tmp_path):
    rows = rows_of(tmp_path / "data", {"label": ["rare" if n == 7 else str(label) for n, label in enumerate(labels())]})
    assert rows.names == ["0", "1", "2"]
    assert "rare" in rows.notes[0]


@pytest.mark.parametrize(
    ("column", "note"),
    [
        ([1] * 400, "1 usable label"),
        ([None] * 400, "0 usable label"),
        ([0.5 * n for n in range(400)], "no label column|quantities such as"),
        ([[1, 2]] * 400, "no label column"),
    ],
)
def test_what_is_no_label_is_left_alone_and_said(tmp_path, column, note):
    rows = rows_of(tmp_path / "data", {"label": column})
    assert rows.names == []
    assert any(__import__("re").search(note, said) for said in rows.notes)


@pytest.mark.parametrize(
    ("flags", "named", "match"),
    [
        ({"label_column": "lists"}, None, "column 'lists' holds list"),
        ({"label_column": "later"}, None, "column 'later' cannot be used: its labels are quantities"),
        ({"label_column": "nowhere"}, None, "has no column 'nowhere'"),
        ({}, {"text": "nowhere", "images": None}, "has no column 'nowhere'"),
        ({}, {"text": None, "images": "text"}, "not images"),
    ],
)
def test_what_was_named_must_be_there(tmp_path, flags, named, match):
    later = [1.0] * 399 + [0.5]
    with pytest.raises(UserError, match=match):
        rows_of(tmp_path / "data", {"lists": [[1]] * 400, "later": later}, named, **flags)


def test_too_few_rows(tmp_path):
    (tmp_path / "data").mkdir()
    pa.parquet.write_table(pa.table({"text": ["only this"]}), tmp_path / "data" / "train.parquet")
    with pytest.raises(UserError, match="1 usable rows"):
        rows_of(tmp_path / "data")


def test_neither_text_nor_images(tmp_path):
    (tmp_path / "data").mkdir()
    pa.parquet.write_table(pa.table({"number": np.arange(9)}), tmp_path / "data" / "train.parquet")
    with pytest.raises(UserError, match="neither images nor text but number"):
        rows_of(tmp_path / "data")
