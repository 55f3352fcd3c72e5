"""The rows that features are measured on: what is found in a data set, and what is said of labels that are no labels."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import sentences, write_images, write_parquet

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.rows import is_held_out
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.labels import FEWEST_OF_A_LABEL
from hf_ssl.evaluation.measured_rows import measured_rows
from hf_ssl.modalities.known import reading_flags, settled_modality


def write_table(folder, name="train", **columns):
    folder.mkdir(exist_ok=True)
    pa.parquet.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def rows_of(folder, columns=None, reading=None, most=(1000, 300), **flags):
    """The measured rows of a folder, with some columns beside 400 made-up texts if that is asked for."""
    if columns is not None:
        write_table(folder, text=sentences(400)[0], **columns)
    data = DataArguments(dataset_name=str(folder), **flags)
    source = open_source(data)
    table = first_table(source.train, source.name)
    label_column = find_label_column(table, data)
    modality = settled_modality(reading_flags()(**(reading or {})), table, source.name, label_column)
    return measured_rows(source, data, modality, label_column, most)


def labels(count=400):
    return sentences(count)[1]


def test_text_is_found_and_labels_are_counted(parquet):
    rows = rows_of(parquet)
    assert (rows.modality.name, rows.modality.columns, rows.label_column) == ("text", ("text",), "label")
    assert rows.names == ["0", "1", "2"]
    assert rows.notes == []
    assert len(rows.bank.inputs) + len(rows.test.inputs) == 600
    assert rows.all_clustered  # few rows: clusters are sought among all of them
    assert len(rows.clustered.inputs) == len(rows.clustered.labels) == 600
    assert rows.record()["modality"] == "text"


def test_bank_and_test_rows_never_meet_and_keep_their_labels(tmp_path):
    folder = write_parquet(tmp_path / "many", count=2000)
    rows = rows_of(folder)
    assert not set(rows.bank.inputs) & set(rows.test.inputs)
    assert all(is_held_out(text.encode()) for text in rows.test.inputs)
    assert not any(is_held_out(text.encode()) for text in rows.bank.inputs)
    lookup = dict(zip(*sentences(2000), strict=True))
    for part in (rows.bank, rows.test):
        assert [lookup[text] for text in part.inputs] == part.labels.tolist()
    assert len(rows.bank.inputs) == 1000
    # However the rows are ordered and cut into files, the same ones are chosen.
    by_label = rows_of(write_parquet(tmp_path / "sorted", count=2000, files=5, by_label=True))
    assert by_label.test.inputs == rows.test.inputs


def test_images_are_found(tmp_path):
    rows = rows_of(write_images(tmp_path / "pictures"), reading={"image_size": 16})
    assert (rows.modality.name, rows.modality.columns) == ("images", ("image",))
    assert rows.bank.inputs[0].shape == (16, 16, 3)


def test_the_longest_words_are_taken_where_no_column_is_called_text(tmp_path):
    data = write_table(tmp_path / "data", id=[str(n) for n in range(50)], body=sentences(50)[0])
    assert rows_of(data).modality.columns == ("body",)
    assert rows_of(data, reading={"text_column": "id"}).modality.columns == ("id",)


def test_the_record_changes_with_every_row_and_label(tmp_path):
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


def test_labelled_rows_come_first(tmp_path):
    some = [None if n % 3 else label for n, label in enumerate(labels())]
    rows = rows_of(tmp_path / "data", {"label": some}, most=(50, 300))
    assert (rows.bank.labels >= 0).all()
    assert len(rows.bank.inputs) == 50


@pytest.mark.parametrize("count", [FEWEST_OF_A_LABEL - 1, FEWEST_OF_A_LABEL])
def test_a_label_of_fewer_than_three_rows_of_the_bank_is_left_out(tmp_path, count):
    """Three folds of the bank need three rows; its other rows stay, without a label."""
    texts = sentences(260)[0]
    data = tmp_path / "data"
    write_table(data, text=texts[:200], label=["rare"] * count + [str(n % 2) for n in range(200 - count)])
    write_table(data, "test", text=texts[200:], label=["rare"] * 20 + [str(n % 2) for n in range(40)])
    rows = rows_of(data, eval_split="test")
    assert count == 3 or FEWEST_OF_A_LABEL == 3
    assert rows.names == (["0", "1", "rare"] if count == 3 else ["0", "1"])
    assert ("rare" in " ".join(rows.notes)) == (count < 3)
    assert (rows.test.labels == -1).sum() == (0 if count == 3 else 20)
    assert len(rows.bank.inputs) == 200
    assert len(rows.known) == (200 if count == 3 else 198)


@pytest.mark.parametrize(
    ("column", "note"),
    [
        ([1] * 400, "1 usable label"),
        ([None] * 400, "0 usable label"),
        ([0.5 * n for n in range(400)], "no label column|quantities such as"),
        ([[1, 2]] * 400, "no label column"),
        ([f"label {n}" for n in range(400)], "0 usable label"),
    ],
)
def test_what_is_no_label_is_left_alone_and_said(tmp_path, column, note):
    rows = rows_of(tmp_path / "data", {"label": column})
    assert rows.names == []
    assert (rows.bank.labels == -1).all()
    assert any(re.search(note, said) for said in rows.notes)


def test_hardly_any_labelled_test_rows_are_nothing_to_measure_on(tmp_path):
    texts, kinds = sentences(800)
    for labelled in (9, 10):
        data = tmp_path / f"data {labelled}"
        write_table(data, text=texts[:400], label=kinds[:400])
        some = [kind if n < labelled else None for n, kind in enumerate(kinds[400:])]
        write_table(data, "test", text=texts[400:], label=some)
        rows = rows_of(data, eval_split="test", most=(1000, 400))
        assert bool(rows.names) == (labelled == 10)
        assert ("Fewer than 10 test rows have a label" in " ".join(rows.notes)) == (labelled < 10)


@pytest.mark.parametrize(
    ("flags", "reading", "match"),
    [
        ({"label_column": "lists"}, {}, "column 'lists' holds list"),
        ({"label_column": "later"}, {}, "column 'later' cannot be used: its labels are quantities"),
        ({"label_column": "nowhere"}, {}, "has no column 'nowhere'"),
        ({}, {"text_column": "nowhere"}, "has no column 'nowhere'"),
        ({}, {"image_column": "text"}, "not images"),
        ({}, {"modality": "images"}, "has no column of images but text"),
        ({}, {"modality": "graphs"}, "there is no modality 'graphs'; choose one of images, text"),
    ],
)
def test_what_was_named_must_be_there(tmp_path, flags, reading, match):
    later = [1.0] * 399 + [0.5]
    with pytest.raises(UserError, match=match):
        rows_of(tmp_path / "data", {"lists": [[1]] * 400, "later": later}, reading, **flags)


def test_too_few_rows(tmp_path):
    with pytest.raises(UserError, match="1 usable rows"):
        rows_of(write_table(tmp_path / "data", text=["only this"]))


def test_of_few_rows_a_fifth_is_measured_on_if_the_hash_holds_out_none(tmp_path):
    texts = [text for text in sentences(60)[0] if not is_held_out(text.encode())][:40]
    rows = rows_of(write_table(tmp_path / "data", text=texts))
    assert (len(rows.bank.inputs), len(rows.test.inputs)) == (32, 8)
    assert "pretraining sees it too" in " ".join(rows.notes)


def test_neither_text_nor_images(tmp_path):
    with pytest.raises(UserError, match=r"no column that any modality \(images, text\) can read, but number \(int64\)"):
        rows_of(write_table(tmp_path / "data", number=np.arange(9)))
