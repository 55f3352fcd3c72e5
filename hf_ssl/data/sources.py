"""Where rows come from: a Hub id, local files or a built-in data set, always streamed."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from hf_ssl.data.archives import check_archives, is_webdataset
from hf_ssl.data.builders import open_builder, unreadable
from hf_ssl.data.folders import is_folder_of_files, list_files
from hf_ssl.data.rows import Rows
from hf_ssl.errors import UserError
from hf_ssl.progress import progress_bar

if TYPE_CHECKING:  # heavy, and not needed for --help
    from datasets import DatasetBuilder

FEW_SHARDS = 64  # below this many files, Parquet row groups become shards


@dataclass
class DataArguments:
    """Which rows."""

    _argument_group_name = "data"

    dataset_name: str = field(
        default="embedded",
        metadata={
            "help": "Hub id; local folder or file (Parquet, JSON lines, text, webdataset tars, image folders); "
            "embedded:docs, embedded:digits, embedded:digits_plain or embedded:sentences (default: what fits the task)."
        },
    )
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    train_split: str = field(default="train", metadata={"help": "Split to learn from."})
    eval_split: str | None = field(
        default=None,
        metadata={"help": "Split to measure on (default: a twentieth of the train split, by a hash of the row)."},
    )
    label_column: str | None = field(
        default=None,
        metadata={"help": "Labels, used for measuring only (default: 'label' or 'cls' where there is one)."},
    )
    bad_rows: Literal["skip", "error"] = field(
        default="skip", metadata={"help": "What to do with rows that have nothing in them: count them, or stop."}
    )
    max_skipped: float | None = field(
        default=None,
        metadata={"help": "Share of unusable rows above which a run stops (default: images 0.2, text 1)."},
    )
    changed_data: Literal["refuse", "accept"] = field(
        default="refuse",
        metadata={"help": "When a run goes on and its data changed: stop, or read what there is now from its start."},
    )
    read_timeout: float = field(
        default=600.0, metadata={"help": "Seconds without any data after which a run saves and stops."}
    )
    dataloader_num_workers: int = field(default=0, metadata={"help": "Processes that read data (0: a thread)."})

    def __post_init__(self) -> None:
        if self.eval_split == self.train_split:
            raise UserError(
                f"--eval_split {self.eval_split} is what is trained on; leave it out to hold a part of it out"
            )
        if self.max_skipped is not None and not 0 <= self.max_skipped <= 1:
            raise UserError(f"--max_skipped must lie between 0 and 1, not {self.max_skipped}")
        if not self.read_timeout > 0:
            raise UserError(f"--read_timeout must be above 0, not {self.read_timeout}")
        if self.dataloader_num_workers < 0:
            raise UserError(f"--dataloader_num_workers must be at least 0, not {self.dataloader_num_workers}")

    def settled(self, embedded: str) -> Self:
        """With the built-in data set named, if none was, and its test split."""
        name = f"embedded:{embedded}" if self.dataset_name == "embedded" else self.dataset_name
        split = "test" if name.startswith("embedded:digits") else None
        return replace(self, dataset_name=name, eval_split=self.eval_split or split)


@dataclass(frozen=True)
class Source:
    """An opened data set.

    Attributes:
        name: as the user gave it.
        revision: commit of the Hub, or a hash of the local content.
        license: as its card states it.
        language: codes, as its card states them.
        on_hub: whether it was read from the Hub.
        files: of local data, [{path, size, sha256}], to notice changes.
        seekable: whether a shard can be entered in the middle (Parquet) or is read from its start on resume.
        train: rows to learn from.
        evaluation: rows of the evaluation split, None where a part of ``train`` is held out by hash.
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

    def record(self) -> dict[str, Any]:
        """What identifies the data in a run folder."""
        card = {"license": self.license, "language": self.language}
        identity = {"name": self.name, "on_hub": self.on_hub, "revision": self.revision}
        return {**identity, **card, "shards": self.train.shards, "files": self.files}


def open_source(arguments: DataArguments, revision: str | None = None, identify: bool = True) -> Source:
    """Open a data set for streaming.

    Args:
        arguments: which.
        revision: commit of the Hub to read, if not the newest: that which a run was begun with.
        identify: read local files once to know them again by their SHA-256 sums.

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


def _rows(builder: "DatasetBuilder", split: str, name: str) -> Rows:
    """Open a split. Few files get their Parquet row groups as shards: a resume reads at most one of them again."""
    try:
        files = tuple((builder.config.data_files or {}).get(split, ()))
        check_archives(files)  # before anything is read from them
        dataset = builder.as_streaming_dataset(split=split)
        if is_folder_of_files(builder):
            return Rows(list_files(dataset), files)
        if is_webdataset(builder):  # gives its last row other columns first, which Arrow does not take
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
    """What the files hold, wherever they lie."""
    content = [(Path(file["path"]).name, file["size"], file["sha256"]) for file in records]
    return hashlib.sha256(str(content).encode()).hexdigest()[:40]


def _file_record(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "path": str(path),
            "size": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }
