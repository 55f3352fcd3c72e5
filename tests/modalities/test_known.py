"""Which modality a data set belongs to: by its columns, by flags that only one has, or as it was named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from conftest import image_block, text_block

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.modalities.known import (
    MODALITIES,
    flags_of,
    modality_class,
    reading_flags,
    recognise,
    settled_modality,
)

IMAGES, TEXT = image_block(4).table, text_block(4).table
# Texts beside images: captions, file names.
BOTH = IMAGES.append_column("caption", pa.array(["a", "a rose", "an oven", "a ship"]))
BYTES = pa.table({"photo": IMAGES["image"].combine_chunks().field("bytes"), "label": IMAGES["label"]})
NEITHER = pa.table({"number": np.arange(4.0), "label": ["a", "b", "c", "a"]})


def reading(**given):
    return reading_flags()(**given)


@pytest.mark.parametrize(("table", "name"), [(IMAGES, "images"), (BYTES, "images"), (BOTH, "images"), (TEXT, "text")])
def test_columns_say_which_modality_it_is(table, name):
    assert recognise(table, "made up", "label") == recognise(table, "made up", None) == name
    assert recognise(table.drop_columns(["label"]), "made up", None) == name


def test_words_that_name_kinds_are_no_texts():
    assert recognise(NEITHER, "made up", None) == "text"  # as far as anybody can see
    with pytest.raises(UserError, match=r"'made up' has no column that any modality \(images, text\) can read, but "
                       r"number \(double\), label \(string\)") as caught:  # fmt: skip
        recognise(NEITHER, "made up", "label")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "table", "name", "column"),
    [
        ({}, IMAGES, "images", "image"),
        ({}, TEXT, "text", "text"),
        ({}, BOTH, "images", "image"),
        ({"text_column": "caption"}, BOTH, "text", "caption"),  # only text has such a flag
        ({"modality": "text"}, BOTH, "text", "caption"),
        ({"image_size": 48}, BOTH, "images", "image"),
        ({"image_size": 48, "text_column": "caption"}, BOTH, "images", "image"),  # both are meant: the columns say
        ({"modality": "text", "image_size": 48}, BOTH, "text", "caption"),
        ({"image_column": "photo"}, BYTES, "images", "photo"),
    ],
)
def test_flags_say_how_rows_are_read(given, table, name, column):
    modality = settled_modality(reading(**given), table, "made up", "label")
    assert isinstance(modality, modality_class(name))
    assert modality.columns == (column,)
    if name == "images":
        assert modality.image_size == given.get("image_size", 32)


@pytest.mark.parametrize(
    ("given", "table", "match"),
    [
        ({"modality": "smells"}, TEXT, "there is no modality 'smells'; choose one of images, text"),
        ({"modality": "images"}, TEXT, "'made up' has no column of images but text"),
        ({"image_column": "photo"}, IMAGES, "'made up' has no column 'photo' but image, label"),
        ({"image_column": "label"}, IMAGES, "column 'label' of 'made up' holds int64, not images"),
        ({"text_column": "words"}, TEXT, "'made up' has no column 'words' but text, label"),
        ({}, NEITHER, "can read, but number"),
        ({"image_size": 30}, IMAGES, "--image_size 30 is no multiple of --patch_size"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(given, table, match):
    with pytest.raises(UserError, match=match) as caught:
        settled_modality(reading(**given), table, "made up", "label")
    assert "\n" not in str(caught.value)


def test_the_flags_of_reading_are_those_that_modalities_name():
    fields = {each.name: each for each in dataclasses.fields(reading_flags())}
    expected = {name for modality in MODALITIES for name in flags_of(modality)[0].reading}
    assert set(fields) == {"modality"} | expected >= {"modality", "text_column", "image_column", "image_size"}
    for modality in MODALITIES:
        own = {each.name: each for each in dataclasses.fields(flags_of(modality)[0])}
        for name in flags_of(modality)[0].reading:
            assert fields[name].default == own[name].default
            assert fields[name].metadata == own[name].metadata
    assert all(each.metadata["help"].endswith(".") for each in fields.values())


def test_they_are_parsed_like_any_others():
    (parsed,) = parse_arguments([reading_flags()], ["--image_size=48", "--modality", "images"], "a description")
    assert (parsed.image_size, parsed.modality, parsed.text_column) == (48, "images", None)
    with pytest.raises(SystemExit):
        parse_arguments([reading_flags()], ["--image_size=large"], "a description")


def test_there_is_no_other_modality():
    for ask in (flags_of, modality_class):
        with pytest.raises(UserError, match="there is no modality 'smells'; choose one of images, text"):
            ask("smells")
