"""The built-in data sets, and which one is taken where none is named."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.embedded import embedded_file, settle
from hf_ssl.data.embedded_docs import FEWEST_WORDS, MOST_DOCUMENTS, PACKAGES
from hf_ssl.data.sources import open_source


@pytest.mark.slow
def test_the_built_in_documents():
    docs = embedded_file("docs")
    assert embedded_file("docs") == docs  # made once
    source = open_source(DataArguments(dataset_name="embedded:docs"))
    assert source.revision == docs.revision
    assert source.train.shards > 16
    table = pa.parquet.read_table(docs.files["train"])
    texts, labels = table.column("text").to_pylist(), table.column("label").to_pylist()
    assert len(set(texts)) == len(texts) > 15_000
    assert all(len(text.split()) >= FEWEST_WORDS for text in texts)
    counts = [labels.count(label) for label in range(len(PACKAGES))]
    assert min(counts) > 500
    assert max(counts) <= MOST_DOCUMENTS
    assert source.train.label_names["label"] == list(PACKAGES)


@pytest.mark.slow
def test_the_built_in_digits():
    plain, cluttered = embedded_file("digits_plain"), embedded_file("digits")
    assert embedded_file("digits") == cluttered
    source = open_source(DataArguments(dataset_name="embedded:digits", eval_split="test"))
    tables = [pa.parquet.read_table(cluttered.files[split]) for split in ("train", "test")]
    assert [table.num_rows for table in tables] == [12_000, 3_000]
    assert source.stated.license == "cc-by-4.0"
    small = pa.parquet.read_table(plain.files["train"])
    assert small.num_rows == 1347
    first = Image.open(io.BytesIO(small.column("image")[0].as_py()["bytes"]))
    assert (first.size, first.mode) == ((8, 8), "L")
    assert set(tables[1].column("label").to_pylist()) == set(range(10))


def test_six_sentences():
    found = embedded_file("sentences")
    assert list(found.files) == ["train"]
    table = pa.parquet.read_table(found.files["train"])
    assert table.column_names == ["text", "label"]
    assert table["label"].to_pylist() == [0, 0, 1, 1, 0, 0]
    assert len({text.split()[-1] for text in table["text"].to_pylist()}) == 3
    assert found.license == "apache-2.0"


def test_there_is_no_other():
    with pytest.raises(UserError, match="there is no built-in data set 'embedded:news'; choose one of embedded:docs, "):
        embedded_file("news")


@pytest.mark.parametrize(
    ("flags", "usual", "name", "split"),
    [
        ({}, "docs", "embedded:docs", None),
        ({}, "digits", "embedded:digits", "test"),
        ({"eval_split": "other"}, "digits", "embedded:digits", "other"),
        ({"dataset_name": "embedded:digits_plain"}, "docs", "embedded:digits_plain", "test"),
        ({"dataset_name": "user/data"}, "docs", "user/data", None),
        ({"dataset_name": "digits"}, "docs", "digits", None),  # a folder of that name
        ({"dataset_name": "embedded:nothing"}, "docs", "embedded:nothing", None),
    ],
)
def test_the_built_in_data_set_that_fits(flags, usual, name, split):
    found = settle(DataArguments(label_column="kind", **flags), usual)
    assert (found.dataset_name, found.eval_split, found.label_column) == (name, split, "kind")
