"""The order of samples: nothing lost, nothing repeated, the same from any position and for any number of processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest
from conftest import write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.batches import StreamBatches, load_batches
from hf_ssl.data.rows import unshuffled_blocks
from hf_ssl.data.sources import open_source
from hf_ssl.data.stream import Position, Sample, Skipped, Stream, partition_count, skipped_rows


class RowNumbers:
    """The smallest encoder: a sample a row."""

    def encode(self, block, carry):
        labels = block.table.column("label").to_pylist()
        samples = [
            Sample({"label": np.array(label)}, np.array([[block.shard, row, 0, 1]], np.int64))
            for row, label in zip(block.rows, labels, strict=True)
        ]
        return samples, carry, []


def stream_of(folder: Path, batch_size: int = 8, seed: int = 0) -> Stream:
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    return Stream(rows, RowNumbers(), seed, partition_count(rows.shards, batch_size))


def rows_of(batch) -> list[tuple[int, int]]:
    return [(int(sample.spans[0, 0]), int(sample.spans[0, 1])) for sample in batch.samples]


def take(stream: Stream, count: int, positions=None, process=0, processes=1, workers=0, batch_size=8):
    iterator = load_batches(StreamBatches(stream, batch_size, positions or {}, process, processes), workers)
    return [next(iterator) for _ in range(count)]


def test_an_epoch_has_every_row_once(parquet):
    batches = take(stream_of(parquet), 75)  # 600 rows
    counts = Counter(row for batch in batches for row in rows_of(batch))
    assert len(counts) == 600
    assert set(counts.values()) == {1}


def test_epochs_and_seeds_differ(parquet):
    first, second = (
        [rows_of(b) for b in take(stream_of(parquet), 75)],
        [rows_of(b) for b in take(stream_of(parquet), 150)[75:]],
    )
    assert first != second
    assert sorted(row for batch in first for row in batch) == sorted(row for batch in second for row in batch)
    assert first != [rows_of(b) for b in take(stream_of(parquet, seed=1), 75)]


@pytest.mark.parametrize(
    ("resumes", "workers"),
    [(100, 0), (8, 2), pytest.param(100, 2, marks=[pytest.mark.endurance, pytest.mark.timeout(1800)])],
)
@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with one core
def test_resumes_lose_and_repeat_nothing(parquet, resumes, workers):
    straight = [rows_of(batch) for batch in take(stream_of(parquet), 150)]
    generator = np.random.default_rng(workers)
    resumed, positions = [], {}
    for _ in range(resumes):  # each starts the workers anew
        batches = take(stream_of(parquet), int(generator.integers(1, 3)), positions, workers=workers)
        resumed += [rows_of(batch) for batch in batches]
        for batch in batches:
            positions |= {partition: Position(**position) for partition, position in batch.positions.items()}
    straight = straight + [rows_of(batch) for batch in take(stream_of(parquet), 200)[150:]]
    assert resumed == straight[: len(resumed)]


@pytest.mark.parametrize("processes", [2, 4, 8])
def test_any_number_of_processes_sees_the_same_batches(parquet, processes):
    whole = take(stream_of(parquet), 20)
    parts = [take(stream_of(parquet), 20, process=p, processes=processes) for p in range(processes)]
    for step, batch in enumerate(whole):
        slots = {slot: row for part in parts for slot, row in zip(part[step].slots, rows_of(part[step]), strict=True)}
        assert [slots[slot] for slot in range(8)] == rows_of(batch)
        keys = {slot: key for part in parts for slot, key in zip(part[step].slots, part[step].keys, strict=True)}
        assert [keys[slot] for slot in range(8)] == batch.keys


def test_processes_can_outnumber_partitions(tmp_path):
    folder = write_parquet(tmp_path / "one", count=64, files=1, row_group_size=64)
    assert stream_of(folder).partitions == 1
    whole = take(stream_of(folder), 4)
    parts = [take(stream_of(folder), 4, process=p, processes=2) for p in range(2)]
    assert [sorted(rows_of(parts[0][i]) + rows_of(parts[1][i])) for i in range(4)] == [
        sorted(rows_of(b)) for b in whole
    ]


def test_sorted_data_come_mixed(tmp_path):
    folder = write_parquet(tmp_path / "sorted", count=600, by_label=True)
    batches = take(stream_of(folder, batch_size=16), 37, batch_size=16)
    mixed = np.mean([entropy([int(s.values["label"]) for s in batch.samples]) for batch in batches])
    in_order = [block.table.column("label").to_pylist() for block in unshuffled_blocks(stream_of(folder).rows, 16, 1)]
    assert mixed > 0.6 * np.log(3)
    assert np.mean([entropy(labels) for labels in in_order]) < 0.1  # the data really are sorted


def entropy(labels: list[int]) -> float:
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(shares * np.log(shares)).sum())


@given(shards=st.integers(1, 100), batch_size=st.integers(1, 300))
def test_partitions_divide_the_batch(shards, batch_size):
    count = partition_count(shards, batch_size)
    assert 1 <= count <= min(8, shards)
    assert batch_size % count == 0
    assert max(len(range(p, shards, count)) for p in range(count)) <= 1.1 * shards / count


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 40), group=st.integers(1, 20), stop=st.integers(0, 60), seed=st.integers(0, 3))
def test_resuming_anywhere_goes_on_exactly(tmp_path_factory, rows, group, stop, seed):
    folder = write_parquet(tmp_path_factory.mktemp("any"), count=rows, files=1, row_group_size=group)
    stream = stream_of(folder, batch_size=4, seed=seed)
    straight = take(stream, stop + 5, batch_size=4)
    positions = {}
    for batch in straight[:stop]:
        positions |= {p: Position(**position) for p, position in batch.positions.items()}
    resumed = take(stream, 5, positions, batch_size=4)
    assert [rows_of(b) for b in resumed] == [rows_of(b) for b in straight[stop:]]


def test_a_partition_without_a_usable_row_is_an_error(parquet):
    class Nothing:
        def encode(self, block, carry):
            return [], carry, [Skipped(int(row), "no good") for row in block.rows]

    stream = Stream(stream_of(parquet).rows, Nothing(), 0, 8)
    with pytest.raises(UserError, match="nothing usable"):
        next(stream.read(0, Position()))


def test_a_partition_without_usable_rows_reads_all_shards(parquet):
    class FirstShard(RowNumbers):
        def encode(self, block, carry):
            return super().encode(block, carry) if block.shard == 0 else ([], carry, [])

    stream = Stream(stream_of(parquet).rows, FirstShard(), 0, 4)
    batches = take(stream, 10)
    assert {shard for batch in batches for shard, _ in rows_of(batch)} == {0}
    positions = {p: Position(**position) for batch in batches[:5] for p, position in batch.positions.items()}
    assert [rows_of(b) for b in take(stream, 5, positions)] == [rows_of(b) for b in batches[5:]]


def test_positions_are_a_few_integers(parquet):
    batch = take(stream_of(parquet), 10)[-1]
    assert all(len(str(position)) < 200 for position in batch.positions.values())


@pytest.mark.endurance
def test_datasets_own_shuffle_buffer_is_not_exact(parquet):
    """The negative control: what the resume test would catch."""
    dataset = datasets.load_dataset(str(parquet), split="train", streaming=True).shuffle(seed=0, buffer_size=100)
    straight = [row["text"] for row in dataset]
    iterator = iter(dataset)
    head = [next(iterator)["text"] for _ in range(300)]
    state = dataset.state_dict()
    again = datasets.load_dataset(str(parquet), split="train", streaming=True).shuffle(seed=0, buffer_size=100)
    again.load_state_dict(state)
    assert head + [row["text"] for row in again] != straight


def test_unusable_rows_are_counted_once_by_reason_and_named(parquet):
    class EverySeventh(RowNumbers):
        def encode(self, block, carry):
            samples, carry, _ = super().encode(block, carry)
            bad = [int(row) for row in block.rows if row % 7 == 0]
            kept = [sample for sample in samples if sample.spans[0, 1] % 7]
            return kept, carry, [Skipped(row, "no good") for row in bad]

    stream = replace(stream_of(parquet), encoder=EverySeventh())
    batches = take(stream, 300)  # several epochs
    positions = {p: position for batch in batches for p, position in batch.positions.items()}
    found = skipped_rows(positions.values())
    assert found["skipped"] == {"no good": found["skipped_rows"]}
    shards = stream.rows.shards
    assert found["skipped_rows"] == sum(-(-50 // 7) for _ in range(shards))
    assert all("train-0000" in where and reason == "no good" for where, reason in found["skipped_examples"])


def test_too_many_unusable_rows_stop_the_run(parquet):
    class Nothing(RowNumbers):
        def encode(self, block, carry):
            samples, carry, _ = super().encode(block, carry)
            bad = [Skipped(int(row), "no good") for row in block.rows[::3]]
            return [s for s in samples if s.spans[0, 1] not in {b.row for b in bad}], carry, bad

    stream = replace(stream_of(parquet), encoder=Nothing(), partitions=1)
    take(replace(stream, most_skipped=0.5), 200)
    with pytest.raises(UserError, match=r"of \d+ rows are unusable, more than the share of 0.2 .*no good"):
        take(replace(stream, most_skipped=0.2), 200)
