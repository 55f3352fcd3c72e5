"""Images wherever they lie, as a folder, as tars, as bare bytes: the same pixels and labels, mixed, entered anywhere."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import picture, png

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.batches import StreamBatches
from hf_ssl.data.rows import unshuffled_blocks
from hf_ssl.data.sources import open_source
from hf_ssl.data.stream import Stream, partition_count
from hf_ssl.modalities.images.decoding import decode_image
from hf_ssl.modalities.images.modality import Images
from hf_ssl.modalities.images.reading import ImageEncoder, ImageReader

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
    modality = Images(image_size=16).for_columns(table, place)
    label_column = "cls" if place == "tars" else "label"
    found = set()
    for block in unshuffled_blocks(rows):
        labels = block.table.column(label_column).to_pylist()
        found |= {(image.tobytes(), labels[at]) for at, image in modality.reader().read(block)[0]}
    assert found == {(decode_image(data, 16).tobytes(), label) for data, label in zip(FILES, LABELS, strict=True)}


def test_a_folder_sorted_by_label_is_mixed_and_entered_anywhere(places):
    rows = open_source(DataArguments(dataset_name=str(places["folder"]))).train
    encoder = ImageEncoder(ImageReader("image", 16))
    stream = Stream(rows, encoder, 0, partition_count(rows.shards, 8))
    batches = [batch for batch, _ in zip(StreamBatches(stream, 8, {}), range(11), strict=False)]
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
