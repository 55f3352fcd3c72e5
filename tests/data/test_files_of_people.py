"""Which files of a data set are read: all, or those that are not are named with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_files import column, opened, write

from hf_ssl.common.errors import UserError


def test_a_class_called_like_a_split(tmp_path):
    write(tmp_path, *[f"{kind}/{n}.png" for kind in ("bus", "car", "train") for n in range(20)])
    source = opened(tmp_path)
    assert sorted(column(source, "label")) == [0] * 20 + [1] * 20 + [2] * 20
    assert source.train.label_names == {"label": ["bus", "car", "train"]}
    assert source.accounting.sentence() == "image files; train: 60 files"


def test_words_inside_names_of_images(tmp_path):
    write(tmp_path, *[f"train-station/{n}.png" for n in range(3)], *[f"bus/photo of a train {n}.png" for n in range(3)])
    assert len(column(opened(tmp_path), "image")) == 6


@pytest.mark.parametrize(
    "names",
    [("train-journey.txt", "diary.txt", "notes.txt"), ("test-drive.txt", "diary-2023.txt", "my-dev-notes.txt")],
)
def test_words_inside_names_of_texts(tmp_path, names):
    for name in names:
        write(tmp_path, name, content=f"{name}\n")
    source = opened(tmp_path)
    assert sorted(column(source, "text")) == sorted(names)
    assert source.accounting.record()["splits"] == {"train": 3}


def test_splits_are_told(tmp_path):
    write(tmp_path, "train-0.txt", "train-1.txt", "train-2.txt", "test-00000.txt", content="a\n")
    assert opened(tmp_path).accounting.sentence() == (
        "plain text; test: test-00000.txt (by name); train: 3 files (by name)"
    )
    with pytest.raises(UserError, match=r"has no split 'validation' but test \(1 files\), train \(3 files\)"):
        opened(tmp_path, eval_split="validation")


def test_files_that_are_not_read_are_named_and_counted(tmp_path):
    write(tmp_path, *[f"{n}.png" for n in range(9)], "odd.xyz")
    write(tmp_path, "README.md", content="# Pictures\n")
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere.png")
    source = opened(tmp_path, max_skipped=0.5)
    assert source.accounting.record() | {"splits": {}} == {
        "kind": "image_files",
        "read": 9,
        "not_read": 2,
        "reasons": {"a link that leads nowhere": 1, "unknown ending .xyz": 1},
        "named": [
            {"path": "lost.png", "reason": "a link that leads nowhere"},
            {"path": "odd.xyz", "reason": "unknown ending .xyz"},
        ],
        "splits": {},
        "beside": 1,
    }
    assert (
        "9 of 11 files are read; not read: lost.png (a link that leads nowhere), odd.xyz"
        in source.accounting.sentence()
    )
    (tmp_path / "more.xyz").write_bytes(b"?")
    with pytest.raises(
        UserError, match=r"3 of 12 files .* are not read, more than the share of 0.2 .* \(the first: lost.png"
    ):
        opened(tmp_path)


def test_at_most_twenty_are_named(tmp_path):
    write(tmp_path, "a.txt", content="a\n")
    write(tmp_path, *[f"{n}.pdf" for n in range(30)])
    record = opened(tmp_path, max_skipped=1.0).accounting.record()
    assert (record["not_read"], len(record["named"])) == (30, 20)
    assert record["reasons"] == {".pdf is PDF; extract the text, for example with pdftotext": 30}


def test_images_beside_captions_and_annotations(tmp_path):
    for number in range(6):
        write(tmp_path, f"{number}.png")
        write(tmp_path, f"{number}.txt", content=f"a caption {number}\n")
        write(tmp_path, f"{number}.json", content="{}")
    source = opened(tmp_path)
    assert sorted(column(source, "text")) == [f"a caption {number}\n" for number in range(6)]
    assert sorted(value["path"] for value in column(source, "image"))[0] == str(tmp_path / "0.png")
    assert source.accounting.unread == {}
    assert len(source.accounting.described) == 6


def test_images_without_a_line_in_the_metadata_are_read_and_lines_without_an_image_are_told(tmp_path):
    write(tmp_path, "a.png", "b.png", "c.png", "d.png", "e.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\na.png,1\nb.png,0\nlost.png,1\n")
    source = opened(tmp_path)
    labels = {
        Path(value["path"]).name: label
        for value, label in zip(column(source, "image"), column(source, "label"), strict=True)
    }
    assert labels == {"a.png": 1, "b.png": 0, "c.png": None, "d.png": None, "e.png": None}
    assert source.accounting.unread == {"lost.png": "named in metadata, but not there"}


def test_odd_names_and_links(tmp_path):
    write(tmp_path / "odd [names] #1", "a [1]?.png", "b*.png")
    assert len(column(opened(tmp_path / "odd [names] #1"), "image")) == 2
    elsewhere = write(tmp_path / "elsewhere", "cat/0.png", "dog/1.png")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "train").symlink_to(elsewhere)
    (elsewhere / "cat" / "around").symlink_to(elsewhere)  # a circle ends
    assert len(column(opened(tmp_path / "linked"), "image")) == 2
