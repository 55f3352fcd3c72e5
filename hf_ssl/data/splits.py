"""Which split a file belongs to, by its name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from hf_ssl.data.formats import COMPRESSIONS, KINDS, ZIP
from hf_ssl.data.image_endings import image_endings

RULE = (
    "A file belongs to a split if its name is the split's name, perhaps with a number (train.csv, test-00000-of-00002.parquet), "
    "or if it differs from other files only in the names of splits (a_train.csv, a_test.csv). "
    "Folders are splits if all folders beside them are named like splits. "
    "All other files belong to the split train."
)
TRAIN = "train"
WORDS = {
    "train": TRAIN, "training": TRAIN,
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
NUMBER = re.compile(r"(?:[-_. ]?(?:part|shard)?[-_. ]?\(?\d+\)?)?(?:-of-\d+)?(?:-[0-9a-f]{8,})?$")
SHARD = re.compile(r"(.+)[-.]\d{5}-of-\d{5}(?:-[0-9a-f]{8,})?$")
BY_NAME, BY_FOLDER, OTHERWISE = "by name", "by folder", "no split in the name"


@dataclass(frozen=True)
class Splits:
    """The files of each split, and how they were found.

    Attributes:
        files: split -> names of its files, in order.
        how: split -> the rules by which they were found.
        labels: name of a file -> its class folder; empty if there are no class folders.
    """

    files: dict[str, list[str]]
    how: dict[str, list[str]]
    labels: dict[str, str]


def canonical(split: str) -> str:
    """Return the usual name of a split: dev -> validation."""
    return WORDS.get(split.lower(), split)


def find_splits(names: Sequence[str], asked: Sequence[str] = ()) -> Splits:
    """Sort files into splits; see `RULE`.

    Args:
        names: names of the files relative to the data set, with / between folders.
        asked: splits that the user named; they count as names of splits.
    """
    words = WORDS | {split.lower(): canonical(split) for split in asked}
    inner = _below_common_folder(names, words)
    level = _level_of_splits([PurePosixPath(short).parts[:-1] for short in inner.values()], words)
    found: dict[str, tuple[str, str]] = {}
    classes: dict[str, tuple[str, ...]] = {}
    for name, short in inner.items():
        *parents, _ = PurePosixPath(short).parts
        if level is not None and len(parents) > level:
            found[name] = words[parents.pop(level).lower()], BY_FOLDER
        elif split := words.get(NUMBER.sub("", stem(short)).lower()):
            found[name] = split, BY_NAME
        classes[name] = tuple(parents)
    rest = [name for name in names if name not in found]
    found |= _by_difference(rest, words) | _by_shard(rest, names, found)
    files: dict[str, list[str]] = defaultdict(list)
    how: dict[str, list[str]] = defaultdict(list)
    for name in names:
        split, rule = found.get(name, (TRAIN, OTHERWISE))
        files[split].append(name)
        if rule not in how[split]:
            how[split].append(rule)
    return Splits(dict(files), dict(how), _labels(classes))


def stem(name: str) -> str:
    """Return the last part of a file name without its known endings."""
    path = PurePosixPath(PurePosixPath(name).name)
    known = {*COMPRESSIONS, *KINDS, ZIP} | image_endings()
    while path.suffix.lower() in known:
        path = path.with_suffix("")
    return path.name


def _below_common_folder(names: Sequence[str], words: dict[str, str]) -> dict[str, str]:
    """Return name -> name without the folders that hold everything, unless such a folder is named like a split."""
    inner = {name: name for name in names}
    while inner and all("/" in short for short in inner.values()):
        first = {short.split("/", 1)[0] for short in inner.values()}
        if len(first) > 1 or first.pop().lower() in words:
            break
        inner = {name: short.split("/", 1)[1] for name, short in inner.items()}
    return inner


def _level_of_splits(parents: Sequence[tuple[str, ...]], words: dict[str, str]) -> int | None:
    """Return how deep the folders lie that are splits: train/cat (0), or cat/train and cat/test (1)."""
    for level in range(max(map(len, parents), default=0)):
        folders = {folders[level].lower() for folders in parents if len(folders) > level}
        splits = {words[folder] for folder in folders if folder in words}
        if folders <= set(words) and (level == 0 or (TRAIN in splits and len(splits) > 1)):
            return level
    return None


def _by_difference(names: Sequence[str], words: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the splits of files that differ in nothing else, train among them: a_train.csv and a_test.csv."""
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    pattern = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    for name in names:
        core = NUMBER.sub("", stem(name))
        at_end = re.fullmatch(rf"(.*[-_. ])({pattern})", core, re.IGNORECASE)
        at_start = re.fullmatch(rf"({pattern})([-_. ].*)", core, re.IGNORECASE)
        folder = str(PurePosixPath(name).parent)
        if at_end:
            alike[f"{folder}/{at_end[1]}*"][name] = words[at_end[2].lower()]
        elif at_start:
            alike[f"{folder}/*{at_start[2]}"][name] = words[at_start[1].lower()]
    groups = [group for group in alike.values() if len(set(group.values())) > 1 and TRAIN in group.values()]
    return {name: (split, BY_NAME) for group in groups for name, split in group.items()}


def _by_shard(
    names: Sequence[str], every: Sequence[str], found: dict[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Return the splits of files such as unsupervised-00000-of-00002, as the Hub names them, beside such files of train."""
    if not any(SHARD.fullmatch(stem(name)) and found.get(name, ("", ""))[0] == TRAIN for name in every):
        return {}
    matches = {name: SHARD.fullmatch(stem(name)) for name in names}
    return {name: (canonical(match[1]), BY_NAME) for name, match in matches.items() if match}


def _labels(classes: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the folder of each file as its class, if all files lie equally deep in at least two folders."""
    if len({len(folders) for folders in classes.values()}) > 1 or not any(classes.values()):
        return {}
    labels = {name: folders[-1] for name, folders in classes.items()}
    return labels if len(set(labels.values())) > 1 else {}
