"""Words inside names are no splits; names that are splits are found, however they are numbered."""

from __future__ import annotations

import pytest

from hf_ssl.data.splits import RULE, find_splits, stem

EVERYTHING = [
    # Class folders, one of which is called like a split.
    ["bus/0.png", "car/0.png", "train/0.png"],
    ["train-station/0.png", "bus/0.png"],
    ["test/0.png", "exam/0.png", "quiz/0.png"],
    ["photo of a train 0.jpg", "photo of a bus 0.jpg"],
    ["train-journey.txt", "diary.txt", "notes.txt"],
    ["test-drive.txt", "diary-2023.txt", "my-dev-notes.txt"],
    ["training-plan.md", "validation-of-parking.md"],
    ["eval.notes.csv", "dev.notes.csv"],
    ["contest.csv", "latest.csv", "trainee.csv", "developer.csv", "value.csv"],
    ["a.jsonl", "b.jsonl"],
    ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"],
    ["part-00000.parquet", "part-00001.parquet"],
    ["en/a.txt", "de/train.of.thought.txt"],
]


@pytest.mark.parametrize("names", EVERYTHING)
def test_everything_is_trained_on(names):
    assert find_splits(names).files == {"train": names}


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["train.csv", "test.csv"], [1, 1]),
        (["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"], [1, 1]),
        (
            ["data/train-00000-of-00001-a1b2c3d4e5f6a7b8.parquet", "data/test-00000-of-00001-0123456789abcdef.parquet"],
            [1, 1],
        ),
        (["train/cat/0.png", "train/dog/0.png", "test/cat/1.png"], [2, 1]),
        (["cat/train/0.png", "cat/test/0.png", "dog/train/0.png"], [2, 1]),
        (["images/train/0.jpg", "images/val/0.jpg"], [1, 1]),
        (["Train/a.txt", "TEST/b.txt"], [1, 1]),
        (["TRAIN.JSONL", "DEV.JSONL"], [1, 1]),
        (["sst2_train.tsv", "sst2_dev.tsv"], [1, 1]),
        (["train_data.csv", "test_data.csv"], [1, 1]),
        (["c4-train.00000-of-01024.json.gz", "c4-validation.00000-of-00008.json.gz"], [1, 1]),
        (["train1.txt", "train2.txt", "valid1.txt"], [2, 1]),
        (["train_part1.txt", "eval.txt"], [1, 1]),
        (["train-00000-of-00001.parquet", "unsupervised-00000-of-00001.parquet"], [1, 1]),
        (["train/a.arrow", "test/a.arrow", "dataset.arrow"], [2, 1]),
    ],
)
def test_splits_by_name(names, files):
    found = find_splits(names).files
    assert [len(found[split]) for split in sorted(found, key=lambda split: split != "train")] == files
    assert sorted(name for several in found.values() for name in several) == sorted(names)


def test_a_split_that_was_asked_for_counts_as_a_word():
    names = ["holdout.csv", "rest.csv"]
    assert find_splits(names).files == {"train": names}
    assert find_splits(names, ["holdout"]).files == {"holdout": ["holdout.csv"], "train": ["rest.csv"]}


def test_class_folders_are_labels():
    assert find_splits(["a/1.txt", "b/2.txt"]).labels == {"a/1.txt": "a", "b/2.txt": "b"}
    assert find_splits(["train/a/1.txt", "test/b/2.txt"]).labels == {"train/a/1.txt": "a", "test/b/2.txt": "b"}
    assert find_splits(["a/train/1.txt", "b/test/2.txt"]).labels == {"a/train/1.txt": "a", "b/test/2.txt": "b"}
    assert find_splits(["a/1.txt", "2.txt"]).labels == {}  # not equally deep
    assert find_splits(["a/1.txt", "a/2.txt"]).labels == {}  # one


def test_the_rule_has_three_sentences():
    assert RULE.count(". ") == 2


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("a/b.txt", "b"),
        ("b.json.gz", "b"),
        ("notes.txt.csv", "notes"),
        ("x.00000-of-00002.json", "x.00000-of-00002"),
        ("v1.2", "v1.2"),
    ],
)
def test_stems(name, short):
    assert stem(name) == short
