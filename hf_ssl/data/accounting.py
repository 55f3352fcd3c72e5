"""What was found of a data set, and what is left out of it: nothing is left out without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import MOST_UNREAD
from hf_ssl.data.folders import is_caption, is_metadata
from hf_ssl.data.formats import IMAGE_FILES, TITLES, describes, kind_of, main_kind, reason
from hf_ssl.data.image_endings import undecodable
from hf_ssl.data.listing import INSIDE, DataFile
from hf_ssl.data.splits import OTHERWISE, Splits, find_splits

MOST_NAMED = 20  # files in a record
MOST_SAID = 3  # files in a sentence


@dataclass(frozen=True)
class Accounting:
    """The files of a data set.

    Attributes:
        kind: what the files that are read hold; a key of `TITLES`.
        read: files that are read, of all splits.
        beside: metadata and captions of images.
        unread: name of a file of data that is not read -> why.
        described: names of files that only describe the data.
        splits: the files of each split.
    """

    kind: str
    read: list[DataFile]
    beside: list[DataFile]
    unread: dict[str, str]
    described: list[str]
    splits: Splits

    def of(self, split: str) -> list[DataFile]:
        """Return the files of a split that are read."""
        names = set(self.splits.files.get(split, ()))
        return [file for file in self.read if file.name in names]

    def sentence(self) -> str:
        """Return what is read and what is not, in one line."""
        parts = [f"{split}: {_files(names)}{_how(self.splits, split)}" for split, names in self.splits.files.items()]
        line = f"{TITLES[self.kind]}; {'; '.join(parts)}"
        if self.unread:
            named = [f"{name} ({why})" for name, why in list(self.unread.items())[:MOST_SAID]]
            more = ", ..." if len(self.unread) > MOST_SAID else ""
            total = len(self.unread) + len(self.read)
            line += f"; {len(self.read)} of {total} files are read; not read: {', '.join(named)}{more}"
        if self.described:
            line += f"; beside the data: {', '.join(self.described[:MOST_SAID])}{', ...' if self.described[MOST_SAID:] else ''}"
        return line

    def record(self) -> dict[str, Any]:
        """Return the numbers of files read and not read, with names and reasons, as JSON."""
        return {
            "kind": self.kind,
            "read": len(self.read),
            "not_read": len(self.unread),
            "reasons": dict(Counter(self.unread.values())),
            "named": [{"path": name, "reason": why} for name, why in list(self.unread.items())[:MOST_NAMED]],
            "splits": {split: len(names) for split, names in self.splits.files.items()},
            "beside": len(self.beside) + len(self.described),
        }

    def check(self, most: float | None, dataset: str) -> None:
        """Stop if too many files are not read.

        Args:
            most: the share that is allowed; None for the usual one.
            dataset: its name, for the message.

        Raises:
            UserError: if so, naming the first of them.
        """
        total = len(self.unread) + len(self.read)
        share = MOST_UNREAD if most is None else most
        if len(self.unread) > share * total:
            name, why = next(iter(self.unread.items()))
            raise UserError(
                f"{len(self.unread)} of {total} files of '{dataset}' are not read, more than the share of {share:g} that "
                f"--max_skipped allows (the first: {name}: {why}); convert or move them, or pass --max_skipped 1"
            )


def account(files: Sequence[DataFile], asked: Sequence[str], dataset: str) -> Accounting:
    """Sort the files of a data set into those that are read, with their splits, and the others with reasons.

    Args:
        files: all files.
        asked: splits that the user named.
        dataset: its name, for messages.

    Raises:
        UserError: if none can be read.
    """
    described = [file.name for file in files if describes(file.name)]
    data = [file for file in files if not describes(file.name)]
    kind = main_kind([file.name for file in data if not _why_unusable(file) and not is_metadata(file.name)])
    if kind is None:
        why = "; ".join(f"{file.name}: {_why(file, '')}" for file in data[:MOST_SAID]) or "it is empty"
        raise UserError(f"cannot read the data set '{dataset}': it holds no file of a known format ({why})")
    images = kind == IMAGE_FILES
    pictures = [PurePosixPath(file.name).with_suffix("") for file in data if images and kind_of(file.name) == kind]
    captioned, stems = set(pictures), {path.name for path in pictures}
    read, beside, unread = [], [], {}
    for file in data:
        if kind_of(file.name) == kind and not _why_unusable(file) and not (images and is_metadata(file.name)):
            read.append(file)
        elif images and (is_metadata(file.name) or _captions(file, captioned)):
            beside.append(file)
        elif PurePosixPath(file.name).stem in stems and not _is_image(file) and kind_of(file.name) != kind:
            described.append(file.name)  # annotations of an image
        else:
            unread[file.name] = _why(file, kind)
    return Accounting(kind, read, beside, unread, described, find_splits([file.name for file in read], asked))


def _why_unusable(file: DataFile) -> str | None:
    """Return why a file of any kind cannot be read."""
    if file.size is None and not file.path.startswith(("hf://", INSIDE)):
        return "a link that leads nowhere"
    return "empty" if file.size == 0 else None


def _why(file: DataFile, kind: str) -> str:
    if why := _why_unusable(file):
        return why
    own = kind_of(file.name)
    return f"{TITLES[own]}, but most files are {TITLES[kind]}" if own and kind else reason(file.name)


def _is_image(file: DataFile) -> bool:
    return undecodable(PurePosixPath(file.name).suffix.lower()) is not None


def _captions(file: DataFile, pictures: set[PurePosixPath]) -> bool:
    return is_caption(file.name) and PurePosixPath(file.name).with_suffix("") in pictures


def _files(names: Sequence[str]) -> str:
    return PurePosixPath(names[0]).name if len(names) == 1 else f"{len(names):,} files"


def _how(splits: Splits, split: str) -> str:
    rules = splits.how[split]
    return "" if rules == [OTHERWISE] and len(splits.files) == 1 else f" ({', '.join(rules)})"
