"""Which column holds the images, and what images in rows may be."""

from __future__ import annotations

import base64

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import picture, png
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_inputs, first_table
from hf_ssl.data.sources import open_source
from hf_ssl.modalities.images.image_column import image_column
from hf_ssl.modalities.images.modality import Images
from hf_ssl.modalities.known import recognise

GENERATOR = np.random.default_rng(0)
PICTURES = [picture(number % 3, GENERATOR, 16) for number in range(6)]
FILES = [png(each) for each in PICTURES]
ARRAYS = [np.asarray(each) for each in PICTURES]
HASH = [bytes(range(16))] * 6


def read(path, **flags) -> list[np.ndarray]:
    """The images that a run reads from a file."""
    source = open_source(DataArguments(dataset_name=str(path)))
    table = first_table(source.train, "made up")
    assert recognise(table, "made up", None) == "images"
    modality = Images(image_size=16, **flags).for_columns(table, "made up")
    source = source.of_columns(modality.as_read(table), modality.columns)
    modality = modality.for_values(source.train)
    return first_inputs(source.train, modality.reader(), modality, 100, 0.0)


def as_expected(images) -> bool:
    wanted = [np.asarray(Image.fromarray(each).crop((2, 0, 18, 16))) for each in ARRAYS]
    found = {image.tobytes() for image in images}
    return found == {image.tobytes() for image in wanted}


@pytest.mark.parametrize(
    ("columns", "taken", "others"),
    [
        ({"mask": FILES, "image": FILES}, "image", ["mask"]),
        ({"thumbnail": FILES, "photo": FILES}, "photo", ["thumbnail"]),
        ({"md5": HASH, "picture_of_me": FILES}, "picture_of_me", []),
        ({"segmentation": FILES, "depth_map": FILES, "scan": FILES}, "scan", ["segmentation", "depth_map"]),
        ({"a": FILES, "b": FILES}, "a", ["b"]),
        ({"feature": HASH, "jpg": FILES, "label": [0] * 6}, "jpg", []),
    ],
)
def test_usual_names_and_the_bytes_decide(columns, taken, others, capsys):
    table = pa.table(columns)
    assert image_column(table, None, "made up") == (taken, others)
    Images().for_columns(table, "made up")
    assert (f"images are read from column '{taken}'" in capsys.readouterr().out) == bool(others)


@pytest.mark.parametrize(
    "kind", ["bytes", "struct", "struct of bytes", "path", "struct of path", "lists", "list of lists"]
)
def test_whatever_holds_an_image_is_read(tmp_path, kind):
    for number, content in enumerate(FILES):
        (tmp_path / f"{number}.png").write_bytes(content)
    names = [f"{number}.png" for number in range(6)]
    column = {
        "bytes": FILES,
        "struct": [{"bytes": content, "path": name} for content, name in zip(FILES, names, strict=True)],
        "struct of bytes": [{"bytes": content} for content in FILES],
        "path": names,
        "struct of path": [{"bytes": None, "path": name} for name in names],
        "lists": [array.tolist() for array in ARRAYS],
        "list of lists": [array.transpose(2, 0, 1).tolist() for array in ARRAYS],
    }[kind]
    pyarrow.parquet.write_table(pa.table({"picture": column, "note": names[::-1]}), tmp_path / "rows.parquet")
    assert as_expected(read(tmp_path / "rows.parquet", image_column="picture"))


def test_an_array_of_datasets(tmp_path):
    import datasets

    features = datasets.Features({"image": datasets.Array3D((16, 20, 3), "uint8")})
    datasets.Dataset.from_dict({"image": ARRAYS}, features).to_parquet(tmp_path / "rows.parquet")
    assert as_expected(read(tmp_path / "rows.parquet"))


def test_paths_do_not_lead_out_of_a_remote_data_set():
    from hf_ssl.modalities.images.image_column import path_in

    assert path_in("hf://datasets/a/b", "images/1.png") == "hf://datasets/a/b/images/1.png"
    for path in ("/etc/passwd", "../other/1.png", "http://elsewhere/1.png", "file:///etc/passwd"):
        assert path_in("hf://datasets/a/b", path) is None


def refused(columns, named=None) -> str:
    table = pa.table(columns)
    with pytest.raises(UserError) as caught:
        image_column(table, named, "made up")
    return str(caught.value)


def test_what_is_not_read_says_how_to_convert_it():
    coded = [base64.b64encode(content).decode() for content in FILES]
    assert "base64.b64decode(row['scan'])" in refused({"scan": coded})
    assert "base64.b64decode(row['scan'])" in refused(
        {"scan": [f"data:image/png;base64,{each}" for each in coded]}, "scan"
    )
    several = [[{"bytes": content, "path": None}] * 2 for content in FILES]
    assert (
        "column 'pages' holds lists of images; make a row of each: dataset.map(lambda rows: {'image': [each for several in rows['pages']"
        in refused({"pages": several})
    )
    flat = [array.ravel().tolist() for array in ARRAYS]
    assert "column 'pixels' holds flat lists of numbers; make rows of each: numpy.reshape" in refused({"pixels": flat})
    assert "column 'text' of 'made up' holds string, not images" in refused(
        {"text": ["a"], "image": [FILES[0]]}, "text"
    )
    assert "has no column of images but text (string)" in refused({"text": ["a", "b"]})
