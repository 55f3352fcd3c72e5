"""Every way to name a data set gives the same rows."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import sentences, write_parquet

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.rows import unshuffled_blocks
from hf_ssl.data.sources import open_source

TEXTS = sentences(120)[0]


def texts_of(rows) -> list[str]:
    blocks = sorted(unshuffled_blocks(rows, size=7), key=lambda block: (block.shard, block.rows[0]))
    return [text for block in blocks for text in block.table.column("text").to_pylist()]


@pytest.mark.parametrize(
    "name", ["data.jsonl", "data.json.gz", "data.jsonl.gz", "data.txt", "data.txt.gz", "data.parquet"]
)
def test_formats(tmp_path, name):
    path = tmp_path / name
    if "json" in name:
        content = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    else:
        content = "\n".join(TEXTS) + "\n"
    if name.endswith(".parquet"):
        pa.parquet.write_table(pa.table({"text": TEXTS}), path)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content)
    for dataset_name in (path, tmp_path):
        source = open_source(DataArguments(dataset_name=str(dataset_name)))
        assert texts_of(source.train) == TEXTS
        assert [record["path"] for record in source.checksums] == [str(path)]
        assert source.train.name(0) == str(path)
        assert find_label_column(first_table(source.train, str(path)), DataArguments()) is None


def test_row_groups_are_shards_and_know_their_file(tmp_path):
    folder = write_parquet(tmp_path / "data", count=100, files=2, row_group_size=20)
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    assert rows.shards == 6
    assert [part.name.rsplit("/", 1)[1] for part in rows.parts] == ["train-00000.parquet"] * 3 + [
        "train-00001.parquet"
    ] * 3
    assert texts_of(rows) == sentences(100)[0]


def test_splits_licence_and_revision(tmp_path):
    folder = write_parquet(tmp_path / "data", count=100, files=1)
    (folder / "train-00000.parquet").rename(folder / "test-00000.parquet")
    write_parquet(folder, count=60, files=1)
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    source = open_source(DataArguments(dataset_name=str(folder), eval_split="test"))
    assert len(texts_of(source.train)) == 60
    assert len(texts_of(source.evaluation)) == 100
    assert len(source.checksums) == 2
    assert source.stated.license == "cc0-1.0"
    again = open_source(DataArguments(dataset_name=str(folder), eval_split="test"))
    assert again.revision == source.revision
    write_parquet(folder, count=61, files=1)
    assert open_source(DataArguments(dataset_name=str(folder), eval_split="test")).revision != source.revision


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("nowhere/at/all", "no such file or folder"),
        ("/nowhere", "no such file or folder: /nowhere"),
        ("embedded:nothing", "there is no built-in data set 'embedded:nothing'; choose one of embedded:docs"),
        ("no id!", "is neither a local file or folder nor a valid Hub id"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(name, match):
    with pytest.raises(UserError, match=match) as caught:
        open_source(DataArguments(dataset_name=name))
    assert "\n" not in str(caught.value)


def test_a_file_of_an_unknown_kind_or_with_a_split(tmp_path):
    (tmp_path / "data.docx").write_bytes(b"?")
    with pytest.raises(UserError, match="cannot tell the format of"):
        open_source(DataArguments(dataset_name=str(tmp_path / "data.docx")))
    (tmp_path / "data.txt").write_text("a\n")
    with pytest.raises(UserError, match="is one file and has no split 'test'; leave out --eval_split"):
        open_source(DataArguments(dataset_name=str(tmp_path / "data.txt"), eval_split="test"))
