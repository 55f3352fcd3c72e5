"""What is in the first rows: which columns hold labels, and inputs from all over."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest
from conftest import image_block, write_parquet

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_inputs, first_table
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.rows import is_held_out
from hf_ssl.data.sources import open_source
from hf_ssl.modalities.images.modality import Images
from hf_ssl.modalities.text.modality import Text

TEXT = Text(text_column="text")


def rows_of(folder):
    return open_source(DataArguments(dataset_name=str(folder))).train


def test_first_texts_come_from_all_over(tmp_path):
    folder = write_parquet(tmp_path / "data", count=400, files=4, row_group_size=100, by_label=True)
    texts = first_inputs(rows_of(folder), TEXT.reader(), TEXT, 30_000, 1.0)
    assert sum(map(len, texts)) == 30_000  # the last one is cut
    assert all(any(word in text for text in texts[:300]) for word in ("garden", "kitchen", "harbour"))


def test_images_are_counted_and_never_cut(images):
    modality = Images(image_size=16, image_column="image")
    found = first_inputs(rows_of(images), modality.reader(), modality, 37, 1.0)
    assert len(found) == 37
    assert {image.shape for image in found} == {(16, 16, 3)}


def test_only_the_side_that_is_trained_on_is_looked_at(parquet):
    sides = [
        set(first_inputs(rows_of(parquet), TEXT.reader(held_out=side), TEXT, 10**9, 1.0))
        for side in (True, False, None)
    ]
    assert sides[0]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == sides[2]


def test_nothing_usable_or_too_little_of_it(tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n \n")
    with pytest.raises(UserError, match="nothing usable in column 'text': 3 rows were read, none of them usable"):
        first_inputs(rows_of(tmp_path / "empty.txt"), TEXT.reader(), TEXT, 1000, 1.0)
    (tmp_path / "half.txt").write_text("rose\n\n" * 5)
    assert len(first_inputs(rows_of(tmp_path / "half.txt"), TEXT.reader(), TEXT, 1000, 0.5)) == 5
    with pytest.raises(UserError, match="5 of 10 rows are unusable, more than the share of 0.4"):
        first_inputs(rows_of(tmp_path / "half.txt"), TEXT.reader(), TEXT, 1000, 0.4)


def test_the_commonest_reason_and_the_first_row_that_has_it(tmp_path):
    names = ["a.png", "b.png", "c.png"]
    for name, content in zip(names, [b"no image", b"<svg></svg>", b"<svg/>"], strict=True):
        (tmp_path / name).write_bytes(content)
    modality = Images(image_size=16, image_column="image")
    with pytest.raises(UserError) as caught:
        first_inputs(rows_of(tmp_path), modality.reader(), modality, 10, 1.0)
    assert re.fullmatch(
        r"nothing usable in column 'image': 3 rows were read, none of them usable: 2 are unusable because: SVG; render it to "
        r"PNG \(the first: \S*/[bc].png\); fix the data or name another column",
        str(caught.value),
    )


def test_a_data_set_whose_rows_are_all_held_out(tmp_path):
    text = next(text for text in map(str, range(1000)) if is_held_out(text.encode()))
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + "\n")
    rows = rows_of(tmp_path / "a.jsonl")
    with pytest.raises(UserError, match="1 of 1 rows were held out for evaluation by their hash.*--eval_split"):
        first_inputs(rows, TEXT.reader(held_out=False), TEXT, 1000, 1.0)
    assert first_inputs(rows, TEXT.reader(), TEXT, 1000, 1.0) == [text]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + '\n{"text": ""}\n')
    with pytest.raises(UserError, match="1 of 2 rows were held out.*1 is unusable because: no text"):
        first_inputs(rows_of(tmp_path / "a.jsonl"), TEXT.reader(held_out=False), TEXT, 1000, 1.0)


def test_no_rows_at_all(tmp_path):
    (tmp_path / "none.txt").write_text("")
    with pytest.raises(UserError, match="the data set 'none' has no rows"):
        first_table(rows_of(tmp_path / "none.txt"), "none")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0, 1], True),
        (["a", "b"], True),
        ([True, False], True),
        ([1.0, None], True),  # whole numbers, where some are missing
        ([None, None], True),
        ([0.5, 1.0], False),
        ([[1], [2]], False),
        ([b"a", b"b"], False),
    ],
)
def test_the_usual_label_column_is_found_if_it_holds_labels(values, found):
    table = pa.table({"text": ["a", "b"], "label": values})
    assert find_label_column(table, DataArguments()) == ("label" if found else None)
    other = table.rename_columns(["text", "kind"])
    assert find_label_column(other, DataArguments()) is None
    assert find_label_column(table.rename_columns(["text", "cls"]), DataArguments()) == ("cls" if found else None)
    if found:
        assert find_label_column(other, DataArguments(label_column="kind")) == "kind"
    else:
        with pytest.raises(UserError, match="column 'kind' holds .*: labels must be integers, strings or booleans"):
            find_label_column(other, DataArguments(label_column="kind"))


def test_a_label_column_that_is_not_there():
    with pytest.raises(UserError, match="'words' has no column 'kind' but image, label; name one with --label_column"):
        find_label_column(image_block(2).table, DataArguments(dataset_name="words", label_column="kind"))
