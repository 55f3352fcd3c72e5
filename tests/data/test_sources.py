"""Every way to name a data set gives the same rows."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import sentences, write_parquet

from hf_ssl.data.columns import find_label_column, first_inputs, first_table
from hf_ssl.data.embedded import embedded_file
from hf_ssl.data.embedded_docs import FEWEST_WORDS, MOST_DOCUMENTS, PACKAGES
from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.data.stream import unshuffled_blocks
from hf_ssl.data.text import TextRows

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
        assert [record["path"] for record in source.files] == [str(path)]
        assert source.train.name(0) == str(path)
        assert find_label_column(first_table(source.train, str(path)), DataArguments()) is None


def test_row_groups_are_shards_and_know_their_file(tmp_path):
    folder = write_parquet(tmp_path / "data", count=100, files=2, row_group_size=20)
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    assert rows.shards == 6
    assert [name.rsplit("/", 1)[1] for name in rows.files] == ["train-00000.parquet"] * 3 + ["train-00001.parquet"] * 3
    assert texts_of(rows) == sentences(100)[0]


def test_splits_licence_and_revision(tmp_path):
    folder = write_parquet(tmp_path / "data", count=100, files=1)
    (folder / "train-00000.parquet").rename(folder / "test-00000.parquet")
    write_parquet(folder, count=60, files=1)
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    source = open_source(DataArguments(dataset_name=str(folder), eval_split="test"))
    assert len(texts_of(source.train)) == 60
    assert len(texts_of(source.evaluation)) == 100
    assert len(source.files) == 2
    assert source.license == "cc0-1.0"
    again = open_source(DataArguments(dataset_name=str(folder), eval_split="test"))
    assert again.revision == source.revision
    write_parquet(folder, count=61, files=1)
    assert open_source(DataArguments(dataset_name=str(folder), eval_split="test")).revision != source.revision


def test_first_texts_come_from_all_over(tmp_path):
    folder = write_parquet(tmp_path / "data", count=400, files=4, row_group_size=100, by_label=True)
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    texts = first_inputs(rows, TextRows("text"), len, 30_000, 1.0)
    assert abs(sum(map(len, texts)) - 30_000) < 300
    assert all(any(word in text for text in texts[:300]) for word in ("garden", "kitchen", "harbour"))


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
    assert source.train.dataset.features["label"].names == list(PACKAGES)
