"""Rows held out by a hash: always the same ones; rows looked at from all over."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write_parquet
from hypothesis import given
from hypothesis import strategies as st

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.rows import is_held_out, unshuffled_blocks
from hf_ssl.data.sources import open_source
from hf_ssl.modalities.text.modality import Text

# What earlier versions held out: other rows would let a run that goes on train on what it was measured on.
TEXTS = [19, 35, 93, 117, 120, 122, 174, 187, 189, 248, 267, 295, 311, 312, 331, 358, 374, 381, 390, 396]
FILES = [18, 24, 42, 53, 61, 72, 121, 150, 180, 230, 320, 325, 341, 357]


def test_the_same_rows_as_ever_are_held_out():
    assert [n for n in range(400) if is_held_out(f"row {n}".encode())] == TEXTS
    assert [n for n in range(400) if is_held_out(n.to_bytes(4, "little"))] == FILES
    content = Text().content
    assert [n for n in range(60) if is_held_out(content(f"☃{n}"))] == [10, 12, 13, 38, 56]
    assert [n for n in range(60) if is_held_out(content(f"\ud83d{n}"))] == [3, 4, 25]  # half a character
    assert is_held_out(content("the garden"))
    assert not is_held_out(b"")


@given(st.binary(max_size=50))
def test_duplicates_stay_on_one_side(content):
    assert is_held_out(content) == is_held_out(bytes(content))


def test_a_twentieth_is_held_out():
    share = np.mean([is_held_out(n.to_bytes(4, "little")) for n in range(40_000)])
    assert share == pytest.approx(0.05, abs=0.004)


def test_one_pass_over_all_shards_in_turns(tmp_path):
    folder = write_parquet(tmp_path / "data", count=120, files=3, row_group_size=20)
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    blocks = list(unshuffled_blocks(rows, size=8))
    assert [block.shard for block in blocks[:6]] == list(range(6))
    seen = [(block.shard, int(row)) for block in blocks for row in block.rows]
    assert len(seen) == len(set(seen)) == 120
    assert all(len(block.rows) == block.table.num_rows for block in blocks)
    few = [block.shard for block in unshuffled_blocks(rows, most_shards=2)]
    assert few[:2] == [0, 5]
    assert sorted(few) == list(range(6))  # the others follow


def test_rows_can_be_entered_anywhere_and_a_broken_file_is_named(tmp_path):
    folder = write_parquet(tmp_path / "data", count=40, files=1, row_group_size=40)
    rows = open_source(DataArguments(dataset_name=str(folder))).train
    whole = [text for table in rows.tables(0, 7) for text in table["text"].to_pylist()]
    for first in (0, 3, 39, 40):
        assert [text for table in rows.tables(0, 7, first) for text in table["text"].to_pylist()] == whole[first:]
    path = folder / "train-00000.parquet"
    path.write_bytes(path.read_bytes()[:200] + b"x" * 400 + path.read_bytes()[600:])
    with pytest.raises(UserError, match=r"cannot read .*train-00000\.parquet: .*; fix or remove it"):
        list(rows.tables(0, 7))
