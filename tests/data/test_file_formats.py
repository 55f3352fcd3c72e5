"""Formats of files, alone and packed: each is read as in a folder, others say what opens them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from own_files import JPG, PNG, column, opened, write

from hf_ssl.common.errors import UserError
from hf_ssl.data.columns import first_table
from hf_ssl.data.rows import unshuffled_blocks


def tar_of(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def test_a_tar_of_several_endings_with_an_incomplete_sample(tmp_path):
    endings = ["jpg"] * 40 + ["jpeg"] * 10 + ["png"] * 10
    files = {f"{n:03d}.{ending}": PNG if ending == "png" else JPG for n, ending in enumerate(endings)}
    files |= {f"{n:03d}.cls": str(n % 2).encode() for n in range(61)}  # the last has no image
    source = opened(tar_of(tmp_path / "a.tar", dict(sorted(files.items()))))
    table = first_table(source.train, "a")
    assert table.column_names == ["__key__", "cls", "jpg"]
    images = column(source.of_columns(table, ["jpg", "cls"]), "jpg")
    assert [image is None for image in images] == [False] * 60 + [True]
    assert images[45] == {"bytes": JPG, "path": "045.jpeg"}


def test_a_tar_with_two_images_a_row_keeps_both(tmp_path):
    files = {f"{n}.{ending}": PNG for n in range(3) for ending in ("jpg", "png")}
    assert first_table(opened(tar_of(tmp_path / "a.tar", files)).train, "a").column_names == ["__key__", "jpg", "png"]


def test_parts_without_rows(tmp_path):
    table = pa.table({"text": ["a", "b"]})
    pa.parquet.write_table(table.slice(0, 0), tmp_path / "part-0.parquet")
    pa.parquet.write_table(table, tmp_path / "part-1.parquet")
    writer = pa.parquet.ParquetWriter(tmp_path / "part-2.parquet", table.schema)
    writer.write_table(table.slice(0, 0))
    writer.close()
    assert column(opened(tmp_path), "text") == ["a", "b"]
    (tmp_path / "part-1.parquet").unlink()
    with pytest.raises(UserError, match="has no rows"):
        first_table(opened(tmp_path).train, "empty")


ROWS = [{"text": f"row {n}, of a table", "label": n % 2} for n in range(8)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def separated(separator: str) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerows([["text", "label"], *[[row["text"], row["label"]] for row in ROWS]])
    return file.getvalue()


def arrow_of(path: Path, kind) -> None:
    table = pa.Table.from_pylist(ROWS)
    with kind(path, table.schema) as writer:
        writer.write_table(table)


WRITERS = {
    "a.csv": lambda path: path.write_text(separated(",")),
    "a.CSV": lambda path: path.write_text(separated(",")),
    "semicolons.csv": lambda path: path.write_text(separated(";")),
    "notes.txt.csv": lambda path: path.write_text(separated(",")),
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(separated(",").encode())),
    "a.tsv": lambda path: path.write_text(separated("\t")),
    "unicode.tsv": lambda path: path.write_text(separated("\t"), encoding="utf-16"),
    "a.ndjson": lambda path: path.write_text(LINES),
    "TRAIN.JSONL": lambda path: path.write_text(LINES),
    "marked.jsonl": lambda path: path.write_text(LINES, encoding="utf-8-sig"),
    "wide.jsonl": lambda path: path.write_text(LINES, encoding="utf-16"),
    "object.json": lambda path: path.write_text(json.dumps({"version": 1, "data": ROWS}, indent=2)),
    "indented.json": lambda path: path.write_text(json.dumps(ROWS, indent=2)),
    "list.json": lambda path: path.write_text(json.dumps(ROWS)),
    "a.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(LINES.encode())),
    "a.jsonl.xz": lambda path: path.write_bytes(lzma.compress(LINES.encode())),
    "a.jsonl.zst": lambda path: path.write_bytes(pa.Codec("zstd").compress(LINES.encode(), asbytes=True)),
    "stream.arrow": lambda path: arrow_of(path, pa.ipc.new_stream),
    "file.arrow": lambda path: arrow_of(path, pa.ipc.new_file),
    "a.parquet": lambda path: pa.parquet.write_table(pa.Table.from_pylist(ROWS), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_a_folder_of_one(tmp_path, name):
    path = tmp_path / "data" / name
    path.parent.mkdir()
    WRITERS[name](path)
    for place in (path, path.parent):
        source = opened(place)
        assert column(source, "text") == [row["text"] for row in ROWS]
        source = source.of_columns(first_table(source.train, name), ["text", "label"])
        assert [str(label) for label in column(source, "label")] == [str(row["label"]) for row in ROWS]


@pytest.mark.parametrize("name", ["a.md", "BOOK.TXT", "a.text", "a.txt.gz"])
def test_plain_text_of_any_ending(tmp_path, name):
    content = b"one\ntwo\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for place in (tmp_path, tmp_path / name):
        assert column(opened(place), "text") == ["one", "two"]


def test_a_zip_with_class_folders(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for kind in ("cat", "dog"):
            for number in range(3):
                archive.writestr(f"{kind}/{number}.png", PNG)
        archive.writestr("__MACOSX/cat/._0.png", b"?")
    for place in (tmp_path, tmp_path / "photos.zip"):
        source = opened(place)
        assert sorted(column(source, "label")) == [0, 0, 0, 1, 1, 1]
        assert source.accounting.described == ["photos/__MACOSX/cat/._0.png"]
        assert [Path(record["path"]).name for record in source.checksums] == ["photos.zip"]


def test_a_zip_of_tables_and_a_broken_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "tables.zip", "w") as archive:
        archive.writestr("train.jsonl", LINES)
        archive.writestr("test.jsonl", LINES)
    assert len(column(opened(tmp_path / "tables.zip"), "text")) == len(ROWS)
    (tmp_path / "tables.zip").write_bytes(b"PK?")
    with pytest.raises(UserError, match=r"cannot read the archive .*tables\.zip"):
        opened(tmp_path / "tables.zip")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("a.xlsx", r"\.xlsx is a spreadsheet; save it as CSV"),
        ("a.pkl", r"pickled, which can run code and is never loaded"),
        ("a.pdf", "pdftotext"),
        ("a.heic", r"\.heic needs the package pillow-heif \(pip install pillow-heif\)"),
        ("a.psd", "convert it to PNG"),
        ("a", "no ending"),
        ("a.foo", r"unknown ending \.foo"),
    ],
)
def test_formats_that_are_not_read_say_what_opens_them(tmp_path, name, match):
    write(tmp_path, name)
    for place in (tmp_path, tmp_path / name):
        with pytest.raises(UserError, match=match):
            opened(place)


@pytest.mark.parametrize(
    ("sample_by", "texts"),
    [
        ("line", ["One.", "Two.", "", "Three.", "", "", "Four."]),
        ("paragraph", ["One.\nTwo.", "Three.", "Four.\n"]),
        ("document", ["One.\nTwo.\n\nThree.\n\n\nFour.\n"]),
    ],
)
def test_rows_of_text_files_with_labels_from_folders(tmp_path, sample_by, texts):
    for kind in ("a", "b"):
        write(tmp_path, f"class_{kind}/1.txt", content="One.\nTwo.\n\nThree.\n\n\nFour.\n")
    source = opened(tmp_path, sample_by=sample_by)
    rows = [row for block in unshuffled_blocks(source.train) for row in block.table.to_pylist()]
    for kind in ("a", "b"):
        assert [row["text"] for row in rows if row["label"] == f"class_{kind}"] == texts


def test_many_small_documents_are_mixed_and_all_are_read(tmp_path):
    for number in range(300):
        write(tmp_path, f"class_{number % 3}/{number}.txt", content=f"document {number}")
    source = opened(tmp_path, sample_by="document")
    assert source.train.shards == 9
    first = next(unshuffled_blocks(source.train, size=20)).table
    assert len(set(first.column("label").to_pylist())) == 3
    assert len(set(column(source, "text"))) == 300


def test_save_to_disk(tmp_path):
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved", num_shards=2)
    source = opened(tmp_path / "saved")
    assert column(source, "text") == [row["text"] for row in ROWS]
    assert source.accounting.unread == {}
