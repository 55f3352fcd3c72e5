"""Batches out of memory: a function of the seed and the step, shared by processes, entered at any step."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from conftest import image_block
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.batches import MemorySource, Place, StreamSource, digest_of
from hf_ssl.data.sources import open_source
from hf_ssl.data.stream import Sample, Stream, partition_count
from hf_ssl.modalities.images.reading import ImageEncoder, ImageReader
from hf_ssl.modalities.text.reading import TextReader, TokenEncoder
from hf_ssl.modalities.text.vocabulary import train_tokenizer

FIELDS = ("slots", "digests", "keys")


def source_of(count: int, batch_size: int, seed: int = 0) -> MemorySource:
    return MemorySource(
        [Sample({"x": np.array(n)}, np.array([[0, n, 0, 1]]), label=n) for n in range(count)], batch_size, seed
    )


def take(source, count: int, step: int = 0, process: int = 0, processes: int = 1) -> list:
    return list(itertools.islice(source.batches(Place(step), process, processes), count))


def rows_of(batch) -> list[int]:
    return [sample.label for sample in batch.samples]


def test_an_epoch_has_every_row_once_and_the_rest_waits_for_the_next_order():
    epochs = [[row for batch in take(source_of(10, 3), 3, 3 * epoch) for row in rows_of(batch)] for epoch in range(40)]
    assert all(len(set(rows)) == 9 for rows in epochs)
    assert len({tuple(rows) for rows in epochs}) == 40
    counts = Counter(row for rows in epochs for row in rows)
    assert set(counts) == set(range(10))  # whoever was left out comes another time
    (whole,) = take(source_of(7, 7), 1)
    assert sorted(rows_of(whole)) == list(range(7))


def test_the_order_is_a_function_of_the_seed():
    first, again, other = ([rows_of(batch) for batch in take(source_of(50, 8, seed), 20)] for seed in (3, 3, 4))
    assert first == again != other


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 40), size=st.integers(1, 40), step=st.integers(0, 60), seed=st.integers(0, 5))
def test_any_step_can_be_entered(count, size, step, seed):
    source = source_of(count, min(size, count), seed)
    straight, entered = take(source, step + 3), take(source, 3, step)
    for expected, found in zip(straight[step:], entered, strict=True):
        assert rows_of(expected) == rows_of(found)
        assert all(getattr(expected, name) == getattr(found, name) for name in FIELDS)
        assert found.positions == {}


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 24), processes=st.integers(1, 5), step=st.integers(0, 20))
def test_any_number_of_processes_sees_the_same_batches(size, processes, step):
    source = source_of(24, size)
    (whole,) = take(source, 1, step)
    parts = [take(source, 1, step, process, processes)[0] for process in range(processes)]
    for name in ("samples", "digests", "keys"):
        mine = {slot: value for part in parts for slot, value in zip(part.slots, getattr(part, name), strict=True)}
        assert [mine[slot] for slot in range(size)] == getattr(whole, name)
    assert all(set(part.slots) == set(range(process, size, processes)) for process, part in enumerate(parts))


def test_keys_differ_everywhere_and_digests_name_the_rows():
    source = source_of(20, 5)
    batches = take(source, 40) + take(source_of(20, 5, seed=1), 40)
    keys = [key for batch in batches for key in batch.keys]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**63 for key in keys)
    for batch in batches:
        assert batch.digests == [digest_of(source.samples[row]) for row in rows_of(batch)]
    assert len({digest_of(sample) for sample in source.samples}) == 20
    assert all(len(digest_of(sample)) == 16 for sample in source.samples)


def test_what_the_loop_asks_of_a_source():
    source = source_of(6, 2)
    assert (source.unit, source.units_per_sample, source.workers) == ("rows", 1, 0)
    assert source.partitions(0, 1) == []
    assert source.name(0) == "shard 0 of the rows in memory"


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stream_is_a_source_too(parquet, processes):
    rows = open_source(DataArguments(dataset_name=str(parquet))).train
    encoder = TokenEncoder(train_tokenizer(["rose and ship"], 300, 32), TextReader("text"), 32)
    stream = Stream(rows, encoder, 0, partition_count(rows.shards, 8))
    source = StreamSource(stream, 8)
    assert (source.unit, source.units_per_sample, source.workers) == ("tokens", 32, 0)
    assert "train-0000" in source.name(0)
    process = processes - 1
    assert source.partitions(process, processes) == list(range(process, stream.partitions, processes))
    straight = list(itertools.islice(source.batches(Place(), process, processes), 9))
    positions = {}
    for batch in straight[:4]:
        positions |= batch.positions
    resumed = list(itertools.islice(source.batches(Place(4, positions), process, processes), 5))
    for expected, found in zip(straight[4:], resumed, strict=True):
        assert all(getattr(expected, name) == getattr(found, name) for name in FIELDS)
        assert found.positions == expected.positions


def test_a_key_is_of_the_row_and_the_epoch_whatever_the_batch(parquet):
    """A sample is hidden alike with another batch size, and otherwise in another epoch."""
    rows = open_source(DataArguments(dataset_name=str(parquet))).train
    encoder = TokenEncoder(train_tokenizer(["rose and ship"], 300, 512), TextReader("text"), 512)
    keys = {}
    for size in (8, 16):
        source = StreamSource(Stream(rows, encoder, 0, 4), size)
        batches = itertools.islice(source.batches(Place(), 0, 1), 64 // size)
        keys[size] = {digest: key for batch in batches for digest, key in zip(batch.digests, batch.keys, strict=True)}
    shared = keys[8].keys() & keys[16].keys()
    assert len(shared) > 20
    assert all(keys[8][digest] == keys[16][digest] for digest in shared)


def test_images_are_counted_by_image():
    encoder = ImageEncoder(ImageReader("image", 16))
    samples, _, _ = encoder.encode(image_block(5), [])
    assert (encoder.unit, encoder.units_per_sample, len(samples)) == ("images", 1, 5)
