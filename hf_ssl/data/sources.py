"""Data sources: a Hub id, local files or a built-in data set, always streamed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import print_once, progress_bar
from hf_ssl.data import folders
from hf_ssl.data.accounting import Accounting, account
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.embedded import PREFIX
from hf_ssl.data.formats import IMAGE_FILES, PLAIN_TEXT, TEXT_COLUMN, kind_of_one
from hf_ssl.data.label_columns import sentence_about_labels
from hf_ssl.data.listing import INSIDE, DataFile, open_binary, parts_of
from hf_ssl.data.places import Located, locate, unreadable
from hf_ssl.data.rows import Rows, Shard
from hf_ssl.data.separated import CsvShard
from hf_ssl.data.splits import Splits, canonical
from hf_ssl.data.stated import Stated, label_names_in
from hf_ssl.data.tables import ArrowShard, JsonShard, parquet_shards
from hf_ssl.data.tars import TarShard, check_archives
from hf_ssl.data.texts import DOCUMENT, TextShard

FEW_SHARDS = 64  # below this many files, Parquet row groups become shards


@dataclass(frozen=True)
class Source:
    """An opened data set.

    Attributes:
        name: as given by the user.
        revision: Hub commit, or a hash of the local content.
        stated: what its card states.
        on_hub: whether it is read from the Hub.
        checksums: of local data, [{path, size, sha256}], to detect changes.
        accounting: which files are read.
        train: training rows.
        evaluation: rows of the evaluation split; None if part of ``train`` is held out by hash.
    """

    name: str
    revision: str
    stated: Stated
    on_hub: bool
    checksums: list[dict[str, Any]]
    accounting: Accounting
    train: Rows
    evaluation: Rows | None

    @property
    def seekable(self) -> bool:
        """Return whether a shard supports random access, or is small; others are read from their start on resume."""
        return self.accounting.kind in ("parquet", IMAGE_FILES)

    @property
    def training_side(self) -> bool | None:
        """Return the side of the hash-based split used for training; None (all rows) if there is an evaluation split."""
        return False if self.evaluation is None else None

    def announce(self, table: pa.Table, arguments: DataArguments) -> list[str]:
        """Print which files and labels are read, and in which columns they differ from the card; return the latter."""
        doubts = self.stated.doubts(table.schema)
        print_once(f"files: {self.accounting.sentence()}")
        if labels := sentence_about_labels(table, arguments):
            print_once(labels)
        for doubt in doubts:
            print_once(f"warning: {doubt}")
        return doubts

    def of_columns(self, table: pa.Table, columns: Sequence[str], label_column: str | None = None) -> Source:
        """Return this data set with only these of the columns of its first rows; see `Rows.of_columns`."""
        evaluation = self.evaluation and self.evaluation.of_columns(table, columns, label_column)
        return replace(self, train=self.train.of_columns(table, columns, label_column), evaluation=evaluation)

    def record(self) -> dict[str, Any]:
        """Return the record that identifies the data in a run folder."""
        card = {"license": self.stated.license, "language": self.stated.language}
        identity = {"name": self.name, "on_hub": self.on_hub, "revision": self.revision}
        files = {"files": self.accounting.record(), "checksums": self.checksums}
        return {**identity, **card, "shards": self.train.shards, **files}


def open_source(arguments: DataArguments, revision: str | None = None, identify: bool = True) -> Source:
    """Open a data set for streaming.

    Args:
        arguments: flags that select the data.
        revision: Hub commit to read instead of the newest: the one that a run was started with.
        identify: read local files once to identify them by their SHA-256 sums.

    Raises:
        UserError: if the data set, its configuration or a split does not exist or cannot be reached.
    """
    found = locate(arguments, revision)
    accounting = _account(found, arguments)
    accounting.check(arguments.max_skipped, arguments.dataset_name)
    splits = [split for split in (arguments.train_split, arguments.eval_split) if split]
    parts = [_files_of(accounting, split, arguments.dataset_name) for split in splits]
    try:
        train, *evaluation = [_rows(files, accounting, found, arguments) for files in parts]
    except UserError:
        raise
    except Exception as error:
        raise unreadable(arguments.dataset_name, error) from error
    read = [file for files in parts for file in files] + accounting.beside
    places = dict.fromkeys(Path(parts_of(file.path)[1]) for file in read if not file.path.startswith("hf://"))
    local = [path for path in places if path.is_file()]
    records = [_file_record(file) for file in progress_bar("checking files", local, delay=5)] if identify else []
    return Source(
        name=arguments.dataset_name,
        revision=found.revision or _content_hash(records),
        stated=found.stated,
        on_hub=found.on_hub,
        checksums=records,
        accounting=accounting,
        train=train,
        evaluation=evaluation[0] if evaluation else None,
    )


def _account(found: Located, arguments: DataArguments) -> Accounting:
    """Return the files to read: as the card says, or the one that was named, or by the rule of splits."""
    asked = [split for split in (arguments.train_split, arguments.eval_split) if split]
    if found.configured is not None:
        files = {split: [file.name for file in several] for split, several in found.configured.items()}
        accounting = account(
            [file for several in found.configured.values() for file in several], asked, arguments.dataset_name
        )
        how = ["built in" if arguments.dataset_name.startswith(PREFIX) else "by its card"]
        return replace(accounting, splits=Splits(files, dict.fromkeys(files, how), accounting.splits.labels))
    path = Path(arguments.dataset_name)
    if len(found.files) == 1 and path.is_file() and not found.files[0].path.startswith(INSIDE):
        if arguments.eval_split:
            raise UserError(f"{path} is one file and has no split '{arguments.eval_split}'; leave out --eval_split")
        (file,) = found.files
        splits = Splits({arguments.train_split: [file.name]}, {arguments.train_split: ["the file named"]}, {})
        return Accounting(kind_of_one(file.name), [file], [], {}, [], splits)
    accounting = account(found.files, asked, arguments.dataset_name)
    metadata = [file for file in accounting.beside if folders.is_metadata(file.name)]
    lost = dict.fromkeys(folders.unknown_files(accounting.read, metadata), "named in metadata, but not there")
    return replace(accounting, unread=accounting.unread | lost)


def _files_of(accounting: Accounting, split: str, dataset: str) -> list[DataFile]:
    files = accounting.of(split) or accounting.of(canonical(split))
    if not files:
        known = ", ".join(f"{name} ({len(names)} files)" for name, names in accounting.splits.files.items())
        raise UserError(f"'{dataset}' has no split '{split}' but {known}; name one with --train_split or --eval_split")
    return files


def _rows(files: list[DataFile], accounting: Accounting, found: Located, arguments: DataArguments) -> Rows:
    kind, labels = accounting.kind, accounting.splits.labels
    names = found.stated.label_names()
    parts: list[Shard] = []
    encoding = arguments.encoding
    if kind == IMAGE_FILES:
        classes = sorted(set(labels.values()))
        table = folders.images(files, accounting.beside, classes, labels)
        names |= {"label": classes} if classes else {}
        parts += folders.folder_shards(
            arguments.dataset_name, table, (TEXT_COLUMN,) if _captioned(accounting) else (), encoding
        )
    elif kind == PLAIN_TEXT and arguments.sample_by == DOCUMENT:
        table = folders.documents(files, labels)
        parts += folders.folder_shards(arguments.dataset_name, table, (TEXT_COLUMN,), encoding)
    for file in files if not parts else ():
        if kind == "parquet":
            parts += parquet_shards(file.path, by_group=len(files) < FEW_SHARDS)
        elif kind == "tar":
            parts.append(TarShard(file.path))
        elif kind == "arrow":
            parts.append(ArrowShard(file.path))
        elif kind == PLAIN_TEXT:
            parts.append(TextShard(file.path, arguments.sample_by, encoding, labels.get(file.name)))
        else:
            parts.append((CsvShard if kind == "csv" else JsonShard)(file.path, encoding))
    check_archives([file.path for file in files])
    if kind == "parquet" and parts:
        with open_binary(parts[0].name) as first:
            names |= label_names_in(pyarrow.parquet.read_schema(first))
    return Rows(tuple(parts), names)


def _captioned(accounting: Accounting) -> bool:
    return any(folders.is_caption(file.name) for file in accounting.beside)


def _content_hash(records: list[dict[str, Any]]) -> str:
    """Return a hash of the content of the files, independent of their location."""
    content = [(Path(file["path"]).name, file["size"], file["sha256"]) for file in records]
    return hashlib.sha256(str(content).encode()).hexdigest()[:40]


def _file_record(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "path": str(path),
            "size": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }
