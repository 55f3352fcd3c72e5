"""Data sources: a Hub id, local files or a built-in data set, always streamed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import DatasetBuilder

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import progress_bar
from hf_ssl.data.archives import check_archives, is_folder_of_files, is_webdataset, list_files
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.builders import open_builder, unreadable
from hf_ssl.data.rows import Rows

FEW_SHARDS = 64  # below this many files, Parquet row groups become shards


@dataclass(frozen=True)
class Source:
    """An opened data set.

    Attributes:
        name: as given by the user.
        revision: Hub commit, or a hash of the local content.
        license: as stated in its card.
        language: language codes, as stated in its card.
        on_hub: whether it is read from the Hub.
        files: of local data, [{path, size, sha256}], to detect changes.
        seekable: whether a shard supports random access (Parquet) or is read from its start on resume.
        train: training rows.
        evaluation: rows of the evaluation split; None if part of ``train`` is held out by hash.
    """

    name: str
    revision: str
    license: str | None
    language: list[str]
    on_hub: bool
    files: list[dict[str, Any]]
    seekable: bool
    train: Rows
    evaluation: Rows | None

    @property
    def training_side(self) -> bool | None:
        """Return the side of the hash-based split used for training; None (all rows) if there is an evaluation split."""
        return False if self.evaluation is None else None

    def record(self) -> dict[str, Any]:
        """Return the record that identifies the data in a run folder."""
        card = {"license": self.license, "language": self.language}
        identity = {"name": self.name, "on_hub": self.on_hub, "revision": self.revision}
        return {**identity, **card, "shards": self.train.shards, "files": self.files}


def open_source(arguments: DataArguments, revision: str | None = None, identify: bool = True) -> Source:
    """Open a data set for streaming.

    Args:
        arguments: flags that select the data.
        revision: Hub commit to read instead of the newest: the one that a run was started with.
        identify: read local files once to identify them by their SHA-256 sums.

    Raises:
        UserError: if the data set, its configuration or a split does not exist or cannot be reached.
    """
    opened = open_builder(arguments, revision)
    splits = [arguments.train_split] + ([arguments.eval_split] if arguments.eval_split else [])
    rows = [_rows(opened.builder, split, arguments.dataset_name) for split in splits]
    files = [Path(file) for file in dict.fromkeys(file for part in rows for file in part.files) if Path(file).is_file()]
    records = [_file_record(file) for file in progress_bar("checking files", files, delay=5)] if identify else []
    return Source(
        name=arguments.dataset_name,
        revision=opened.revision or _content_hash(records),
        license=opened.license,
        language=opened.language,
        on_hub=opened.on_hub,
        files=records,
        seekable=hasattr(opened.builder.config, "fragment_scan_options") or is_folder_of_files(opened.builder),
        train=rows[0],
        evaluation=rows[1] if arguments.eval_split else None,
    )


def _rows(builder: DatasetBuilder, split: str, name: str) -> Rows:
    """Open a split. With few files, Parquet row groups become shards, so that a resume rereads at most one of them."""
    try:
        files = tuple((builder.config.data_files or {}).get(split, ()))
        check_archives(files)  # before anything is read from them
        dataset = builder.as_streaming_dataset(split=split)
        if is_folder_of_files(builder):
            return Rows(list_files(dataset), files)
        if is_webdataset(builder):  # the last row starts with other columns, which Arrow rejects
            return Rows(dataset.select_columns(list(dataset.features)), files)
        if dataset.num_shards >= FEW_SHARDS:
            return Rows(dataset, files)
        per_file = [dataset.shard(num_shards=dataset.num_shards, index=i).reshard() for i in range(dataset.num_shards)]
        if len(files) == len(per_file):
            files = tuple(file for file, part in zip(files, per_file, strict=True) for _ in range(part.num_shards))
        return Rows(dataset.reshard(), files)
    except UserError:
        raise
    except Exception as error:
        raise unreadable(name, error) from error


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
