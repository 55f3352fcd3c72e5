"""Rows of images: unusable ones counted by name and reason, sides that never meet, columns that hold images."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from conftest import picture, png

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block, is_held_out
from hf_ssl.modalities.images.decoding import decode_image
from hf_ssl.modalities.images.modality import Images
from hf_ssl.modalities.images.reading import ImageEncoder, ImageReader

GENERATOR = np.random.default_rng(1)
FILES = [png(picture(number % 3, GENERATOR)) for number in range(90)]


def test_unusable_images_are_counted_by_name_and_reason_and_the_order_stays():
    good = [{"bytes": data, "path": f"{number}.png"} for number, data in enumerate(FILES[:6])]
    bad = [{"bytes": b"", "path": "empty.png"}, {"bytes": FILES[0][:50], "path": "cut.png"}, None,
           {"bytes": None, "path": "/nowhere/lost.png"}]  # fmt: skip
    mixed = [row for pair in zip(good, [*bad, *good[4:]], strict=True) for row in pair]
    reader = ImageReader("image", 16)
    usable, skipped = reader.read(Block(0, np.arange(12), pa.table({"image": mixed})))
    assert [place for place, _ in usable] == [0, 2, 4, 6, 8, 9, 10, 11]
    assert sorted((row.row, row.name, row.reason) for row in skipped) == [
        (1, "empty.png", "empty"),
        (3, "cut.png", "truncated or damaged"),
        (5, "", "empty"),
        (7, "/nowhere/lost.png", "its file cannot be read"),
    ]
    with pytest.raises(UserError, match="has no usable image in column 'image'"):
        ImageReader("image", 16, strict=True).read(Block(0, np.arange(12), pa.table({"image": mixed})))


def test_rows_fall_to_one_side_and_unusable_ones_count_on_both():
    files = [{"bytes": data, "path": None} for data in FILES] + [{"bytes": b"?", "path": None}]
    block = Block(0, np.arange(91), pa.table({"image": files}))
    sides = [ImageReader("image", 16, held_out=side).read(block) for side in (True, False)]
    places = [{place for place, _ in usable} for usable, _ in sides]
    assert not places[0] & places[1]
    assert len(places[0] | places[1]) == 90
    assert places[0] == {place for place, data in enumerate(FILES) if is_held_out(data)}
    assert all([row.reason for row in skipped] == ["not an image"] for _, skipped in sides)


def test_columns_without_images_are_refused():
    table = pa.table({"text": ["a"], "label": [1]})
    with pytest.raises(UserError, match=r"has no column of images but text \(string\), label \(int64\)"):
        Images().for_columns(table, "words")
    with pytest.raises(UserError, match="holds string, not images"):
        Images(image_column="text").for_columns(table, "words")
    with pytest.raises(UserError, match="has no column 'photo'"):
        Images(image_column="photo").for_columns(table, "words")


def test_a_sample_an_image():
    files = [{"bytes": data, "path": None} for data in [*FILES[:3], b"?"]]
    block = Block(7, np.array([5, 2, 9, 4]), pa.table({"image": files}))
    encoder = ImageEncoder(ImageReader("image", 16))
    samples, carry, skipped = encoder.encode(block, [])
    assert (encoder.unit, encoder.units_per_sample, carry, encoder.rest(carry)) == ("images", 1, [], [])
    assert [(row.row, row.reason) for row in skipped] == [(4, "not an image")]
    assert [sample.spans.tolist() for sample in samples] == [[[7, row, 0, 1]] for row in (5, 2, 9)]
    for sample, data in zip(samples, FILES, strict=False):
        assert np.array_equal(sample.values["image"], decode_image(data, 16))
        assert sample.label is None
