"""What every modality makes of rows: inputs, samples, batches, views."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from conftest import inputs_of

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block
from hf_ssl.modalities.known import recognise
from hf_ssl.modalities.prepared import Needs
from modalities.contract.made import NAMES, ROWS, example, same, sentence


def test_it_recognises_its_own_rows_and_no_others(made):
    for name in NAMES:
        table = example(name).block(3).table
        assert type(made.modality).recognises(table.drop_columns(["label"])) == (name == made.modality.name)
        if name != made.modality.name:
            with pytest.raises(UserError, match="'made up'") as error:
                type(made.modality)().for_columns(table, "made up", "label")
            assert sentence(error)
    assert recognise(made.block.table, "made up", "label") == made.modality.name


def test_words_as_labels_change_nothing(made):
    words = pa.array([f"kind {number % 3}" for number in range(ROWS)])
    table = made.block.table.drop_columns(["label"]).append_column("label", words)
    assert recognise(table, "made up", "label") == made.modality.name
    again = type(made.modality)().for_columns(table, "made up", "label")
    assert again.columns == made.modality.columns


def test_columns_are_settled_once(made):
    modality, table = made.modality, made.block.table
    assert set(modality.columns) <= set(table.column_names) - {"label"}
    assert modality.for_columns(table, "made up", "label") == modality
    flags = [name for name in modality.reading if name.endswith("_column")]
    assert len(flags) == len(modality.columns)
    for flag in flags:
        with pytest.raises(UserError, match=f"'made up' has no column 'nowhere' .* --{flag}") as error:
            dataclasses.replace(modality, **{flag: "nowhere"}).for_columns(table, "made up")
        assert sentence(error)


def test_the_reader_splits_rows_by_their_content(made):
    modality, block = made.modality, made.block
    assert modality.reader().columns == modality.columns
    everything, skipped = modality.reader().read(block)
    assert not skipped
    assert [place for place, _ in everything] == list(range(ROWS))
    sides = [modality.reader(held_out=side).read(block)[0] for side in (False, True)]
    assert sorted(place for side in sides for place, _ in side) == list(range(ROWS))
    again = Block(3, block.rows[::-1] + 7, block.table.take(np.arange(ROWS)[::-1]))  # other places, another shard
    held = {modality.content(value) for _, value in modality.reader(held_out=True).read(again)[0]}
    assert held == {modality.content(value) for _, value in sides[1]}


def test_labels_are_never_seen(made):
    alone = Block(0, made.block.rows, made.block.table.drop_columns(["label"]))
    assert [made.modality.content(v) for v in inputs_of(made.modality, alone)] == [
        made.modality.content(v) for v in made.inputs
    ]


def test_an_empty_row_is_skipped_or_refused(made):
    table = made.block.table.slice(0, 3)
    for column in made.modality.columns:
        place, field = table.column_names.index(column), table.schema.field(column)
        values = pa.array([None, *table.column(column).to_pylist()[1:]], field.type)
        table = table.set_column(place, field, values)
    block = Block(5, np.array([10, 11, 12]), table)
    usable, skipped = made.modality.reader().read(block)
    assert [place for place, _ in usable] == [1, 2]
    ((row, reason),) = [(each.row, each.reason) for each in skipped]
    assert row == 10
    assert reason
    assert len(made.modality.row_encoder(made.prepared, Needs()).encode(block, [])[2]) == 1
    for strict in (made.modality.reader(strict=True).read, made.strict_encode):
        with pytest.raises(UserError, match="row 10 of shard 5") as error:
            strict(block)
        assert sentence(error)


def test_content_tells_inputs_apart(made):
    modality = made.modality
    contents = [modality.content(value) for value in made.inputs]
    assert all(isinstance(content, bytes) for content in contents)
    assert len(set(contents)) > ROWS / 2
    assert contents == [modality.content(value) for value in inputs_of(modality, made.block)]
    for value, content in zip(made.inputs, contents, strict=True):
        assert modality.size_of(value) >= 1
        assert modality.content(modality.cut(value, 10**9)) == content
    assert modality.surveyed >= 1
    assert min(modality.measured_rows) >= 1
    assert modality.block_rows >= 1
    assert modality.relative_cost > 0
    assert modality.threads is None or modality.threads >= 1


def test_what_was_prepared_is_read_back(made, tmp_path):
    made.prepared.save(tmp_path)
    again = made.modality.load_prepared(tmp_path)
    assert same(made.prepared.statistics, again.statistics)
    assert again.modality == made.modality
    first, second = (made.modality.as_samples(prepared, made.inputs[:5]) for prepared in (made.prepared, again))
    assert same(made.modality.collate(first), made.modality.collate(second))


def test_a_row_becomes_a_sample(made):
    row_encoder = made.modality.row_encoder(made.prepared, Needs())
    samples, carry, skipped = row_encoder.encode(made.block, [])
    assert (carry, row_encoder.rest(carry)) == ([], [])
    assert row_encoder.unit.endswith("s")
    assert len(samples) + len(skipped) == ROWS
    assert [int(sample.spans[0, 1]) for sample in samples] == made.block.rows.tolist()
    again = row_encoder.encode(made.block, [])[0]
    assert same(made.modality.collate(samples), made.modality.collate(again))
    assert all(sample.label is None for sample in samples)
    json.dumps(carry)  # a checkpoint keeps it
    short = made.modality.as_samples(made.prepared, made.inputs)
    assert len(short) == ROWS


def test_a_row_in_a_batch_is_that_row_alone(made, encoder):
    batch = made.modality.augmented(made.batch(0, 1, 2, 3), None, made.prepared)
    pooled = made.pooled(encoder, batch)
    assert pooled.shape == (4, encoder.config.hidden_size)
    assert pooled.dtype == torch.float32
    for row in range(4):
        alone = made.modality.augmented(made.batch(row), None, made.prepared)
        assert torch.allclose(made.pooled(encoder, alone)[0], pooled[row], atol=1e-4)


def test_two_views_of_each_row_are_drawn_from_its_key(made, encoder):
    modality, prepared = made.modality, made.prepared
    batch, keys = made.batch(*range(6)), torch.arange(100, 106)
    before = {name: tensor.clone() for name, tensor in batch.items()}
    torch.manual_seed(1)
    views = modality.two_views(batch, keys, prepared, 1.0)
    torch.manual_seed(2)
    assert same(views, modality.two_views(batch, keys, prepared, 1.0))
    assert same(batch, before)
    pooled = made.pooled(encoder, views)
    assert pooled.shape == (12, encoder.config.hidden_size)
    assert not torch.allclose(pooled[:6], pooled[6:], atol=1e-3)
    other = made.pooled(encoder, modality.two_views(batch, keys + 1000, prepared, 1.0))
    assert not torch.allclose(pooled, other, atol=1e-3)
    for row in (0, 4):
        alone = modality.two_views(made.batch(row), keys[row : row + 1], prepared, 1.0)
        assert torch.allclose(made.pooled(encoder, alone), pooled[[row, 6 + row]], atol=1e-4)


@pytest.mark.parametrize("progress", [0.0, 0.7])
def test_views_of_an_early_step_can_be_encoded(made, encoder, progress):
    views = made.modality.two_views(made.batch(0, 1), torch.arange(2), made.prepared, progress)
    assert made.pooled(encoder, views).shape[0] == 4


def test_augmentation_is_drawn_from_keys_too(made, encoder):
    modality, prepared, batch = made.modality, made.prepared, made.batch(*range(4))
    keys = torch.arange(4)
    first, second = (modality.augmented(batch, keys, prepared) for _ in range(2))
    assert same(first, second)
    assert same(modality.augmented(batch, None, prepared), modality.augmented(batch, None, prepared))
    pooled = made.pooled(encoder, first)
    alone = modality.augmented(made.batch(2), keys[2:3], prepared)
    assert torch.allclose(made.pooled(encoder, alone)[0], pooled[2], atol=1e-4)


def test_pictures_are_of_all_rows_or_none(made):
    views = made.modality.two_views(made.batch(0, 1), torch.arange(2), made.prepared, 1.0)
    found = [made.modality.pictures_of(inputs, made.prepared) for inputs in (made.batch(0, 1), views)]
    shapes = [None if each is None else (each.shape[0], each.shape[1]) for each in found]
    assert shapes in ([None, None], [(2, 3), (4, 3)])
