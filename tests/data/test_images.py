"""Rows of images, wherever they come from: the same pixels, unusable ones counted, the order unchanged."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import picture, png
from PIL import Image

from hf_ssl.data.batches import Batches
from hf_ssl.data.decoding import decode_image
from hf_ssl.data.embedded import embedded_file
from hf_ssl.data.images import ImageEncoder, ImageRows
from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.data.stream import Block, Stream, partition_count, unshuffled_blocks
from hf_ssl.errors import UserError
from hf_ssl.pretext.rotation import Rotation

GENERATOR = np.random.default_rng(1)
LABELS = [number % 3 for number in range(90)]
FILES = [png(picture(label, GENERATOR)) for label in LABELS]


def write_tar(path: Path, numbers: range) -> None:
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            for ending, data in (("png", FILES[number]), ("cls", str(LABELS[number]).encode())):
                entry = tarfile.TarInfo(f"{number:04d}.{ending}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    """The same images as a folder, as tars, as Parquet of bare bytes."""
    root = tmp_path_factory.mktemp("places")
    for number, label in enumerate(LABELS):
        folder = root / "folder" / f"kind_{label}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:04d}.png").write_bytes(FILES[number])
    (root / "tars").mkdir()
    write_tar(root / "tars" / "a.tar", range(45))
    write_tar(root / "tars" / "b.tar", range(45, 90))
    (root / "bytes").mkdir()
    pa.parquet.write_table(pa.table({"photo": FILES, "label": LABELS}), root / "bytes" / "all.parquet")
    return {place: root / place for place in ("folder", "tars", "bytes")}


@pytest.mark.parametrize("place", ["folder", "tars", "bytes"])
def test_every_place_gives_the_same_images_and_labels(places, place):
    rows = open_source(DataArguments(dataset_name=str(places[place]))).train
    table = next(unshuffled_blocks(rows, size=1)).table
    task = Rotation(image_size=16).for_columns(table, place)
    label_column = "cls" if place == "tars" else "label"
    found = set()
    for block in unshuffled_blocks(rows):
        labels = block.table.column(label_column).to_pylist()
        found |= {(image.tobytes(), labels[at]) for at, image in task.reader().read(block)[0]}
    assert found == {(decode_image(data, 16).tobytes(), label) for data, label in zip(FILES, LABELS, strict=True)}


def test_a_folder_sorted_by_label_is_mixed_and_entered_anywhere(places):
    rows = open_source(DataArguments(dataset_name=str(places["folder"]))).train
    encoder = ImageEncoder(ImageRows("image", 16))
    stream = Stream(rows, encoder, 0, partition_count(rows.shards, 8))
    batches = [batch for batch, _ in zip(Batches(stream, 8, {}), range(11), strict=False)]
    seen = [tuple(sample.spans[0][:2]) for batch in batches for sample in batch.samples]
    assert len(set(seen)) > 80
    first = next(unshuffled_blocks(rows, size=20)).table.column("label").to_pylist()
    assert len(set(first)) == 3


def test_a_tar_cut_short_is_named(places, tmp_path):
    whole = (places["tars"] / "a.tar").read_bytes()
    for length in (len(whole) // 2, len(whole) // 2 // 512 * 512, 100):
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"cut\.tar is cut short"):
            open_source(DataArguments(dataset_name=str(tmp_path)))


def test_unusable_images_are_counted_by_name_and_reason_and_the_order_stays():
    good = [{"bytes": data, "path": f"{number}.png"} for number, data in enumerate(FILES[:6])]
    bad = [{"bytes": b"", "path": "empty.png"}, {"bytes": FILES[0][:50], "path": "cut.png"}, None,
           {"bytes": None, "path": "/nowhere/lost.png"}]  # fmt: skip
    mixed = [row for pair in zip(good, [*bad, *good[4:]], strict=True) for row in pair]
    reader = ImageRows("image", 16)
    usable, skipped = reader.read(Block(0, np.arange(12), pa.table({"image": mixed})))
    assert [place for place, _ in usable] == [0, 2, 4, 6, 8, 9, 10, 11]
    assert sorted((row.row, row.name, row.reason) for row in skipped) == [
        (1, "empty.png", "empty"),
        (3, "cut.png", "truncated or damaged"),
        (5, "", "empty"),
        (7, "/nowhere/lost.png", "its file cannot be read"),
    ]
    with pytest.raises(UserError, match="has no usable image in column 'image'"):
        ImageRows("image", 16, strict=True).read(Block(0, np.arange(12), pa.table({"image": mixed})))


def test_rows_fall_to_one_side_and_unusable_ones_count_on_both():
    files = [{"bytes": data, "path": None} for data in FILES] + [{"bytes": b"?", "path": None}]
    block = Block(0, np.arange(91), pa.table({"image": files}))
    sides = [ImageRows("image", 16, held_out=side).read(block) for side in (True, False)]
    places = [{place for place, _ in usable} for usable, _ in sides]
    assert not places[0] & places[1]
    assert len(places[0] | places[1]) == 90
    assert all([row.reason for row in skipped] == ["not an image"] for _, skipped in sides)


def test_columns_without_images_are_refused():
    table = pa.table({"text": ["a"], "label": [1]})
    with pytest.raises(UserError, match=r"has no column of images but text \(string\), label \(int64\)"):
        Rotation().for_columns(table, "words")
    with pytest.raises(UserError, match="holds string, not images"):
        Rotation(image_column="text").for_columns(table, "words")
    with pytest.raises(UserError, match="has no column 'photo'"):
        Rotation(image_column="photo").for_columns(table, "words")


@pytest.mark.slow
def test_the_built_in_digits():
    plain, cluttered = embedded_file("digits_plain"), embedded_file("digits")
    assert embedded_file("digits") == cluttered
    source = open_source(DataArguments(dataset_name="embedded:digits", eval_split="test"))
    tables = [pa.parquet.read_table(cluttered.files[split]) for split in ("train", "test")]
    assert [table.num_rows for table in tables] == [12_000, 3_000]
    assert source.license == "cc-by-4.0"
    small = pa.parquet.read_table(plain.files["train"])
    assert small.num_rows == 1347
    first = Image.open(io.BytesIO(small.column("image")[0].as_py()["bytes"]))
    assert (first.size, first.mode) == ((8, 8), "L")
    assert set(tables[1].column("label").to_pylist()) == set(range(10))
