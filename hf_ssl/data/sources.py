"""Where rows come from: a Hub id, local files or a built-in data set, always streamed."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hf_ssl.data.rows import Rows
from hf_ssl.errors import UserError, in_one_line
from hf_ssl.progress import progress_bar

if TYPE_CHECKING:  # heavy, and not needed for --help
    from datasets import DatasetBuilder

BUILDERS = {"parquet": "parquet", "jsonl": "json", "json": "json", "txt": "text", "text": "text"}
FEW_SHARDS = 64  # below this many files, Parquet row groups become shards


@dataclass
class DataArguments:
    """Which rows."""

    _argument_group_name = "data"

    dataset_name: str = field(
        default="embedded:docs",
        metadata={"help": "Hub id, local folder or file (Parquet, JSON lines, text; also .gz), or embedded:docs."},
    )
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    train_split: str = field(default="train", metadata={"help": "Split to learn from."})
    eval_split: str | None = field(
        default=None,
        metadata={"help": "Split to measure on (default: a twentieth of the train split, by a hash of the row)."},
    )
    label_column: str | None = field(
        default=None, metadata={"help": "Labels, used for measuring only (default: 'label' where there is one)."}
    )
    bad_rows: Literal["skip", "error"] = field(
        default="skip", metadata={"help": "What to do with rows that have nothing in them: count them, or stop."}
    )
    dataloader_num_workers: int = field(default=0, metadata={"help": "Processes that read data (0: a thread)."})

    def __post_init__(self) -> None:
        if self.eval_split == self.train_split:
            raise UserError(
                f"--eval_split {self.eval_split} is what is trained on; leave it out to hold a part of it out"
            )
        if self.dataloader_num_workers < 0:
            raise UserError(f"--dataloader_num_workers must be at least 0, not {self.dataloader_num_workers}")


@dataclass(frozen=True)
class Source:
    """An opened data set.

    Attributes:
        name: as the user gave it.
        revision: commit of the Hub, or a hash of the local content.
        license: as its card states it.
        files: of local data, [{path, size, sha256}], to notice changes.
        seekable: whether a shard can be entered in the middle (Parquet) or is read from its start on resume.
        train: rows to learn from.
        evaluation: rows of the evaluation split, None where a part of ``train`` is held out by hash.
    """

    name: str
    revision: str
    license: str | None
    files: list[dict[str, Any]]
    seekable: bool
    train: Rows
    evaluation: Rows | None

    def record(self) -> dict[str, Any]:
        """What identifies the data in a run folder."""
        identity = {"name": self.name, "revision": self.revision, "license": self.license}
        return identity | {"shards": self.train.shards, "files": self.files}


def open_source(arguments: DataArguments, revision: str | None = None, identify: bool = True) -> Source:
    """Open a data set for streaming.

    Args:
        arguments: which.
        revision: commit of the Hub to read, if not the newest: that which a run was begun with.
        identify: read local files once to know them again by their SHA-256 sums.

    Raises:
        UserError: if the data set, its configuration or a split does not exist or cannot be reached.
    """
    builder, known_revision, license_name = _builder(arguments, revision)
    splits = [arguments.train_split] + ([arguments.eval_split] if arguments.eval_split else [])
    rows = [_rows(builder, split, arguments.dataset_name) for split in splits]
    files = [Path(file) for file in dict.fromkeys(file for part in rows for file in part.files) if Path(file).is_file()]
    records = [_file_record(file) for file in progress_bar("checking files", files, delay=5)] if identify else []
    return Source(
        name=arguments.dataset_name,
        revision=known_revision or _content_hash(records),
        license=license_name,
        files=records,
        seekable=hasattr(builder.config, "fragment_scan_options"),
        train=rows[0],
        evaluation=rows[1] if arguments.eval_split else None,
    )


def _rows(builder: "DatasetBuilder", split: str, name: str) -> Rows:
    """Open a split. Few files get their Parquet row groups as shards: a resume reads at most one of them again."""
    try:
        dataset = builder.as_streaming_dataset(split=split)
        files = tuple((builder.config.data_files or {}).get(split, ()))
        if dataset.num_shards >= FEW_SHARDS:
            return Rows(dataset, files)
        per_file = [dataset.shard(num_shards=dataset.num_shards, index=i).reshard() for i in range(dataset.num_shards)]
        if len(files) == len(per_file):
            files = tuple(file for file, part in zip(files, per_file, strict=True) for _ in range(part.num_shards))
        return Rows(dataset.reshard(), files)
    except Exception as error:
        raise unreadable(name, error) from error


def _builder(arguments: DataArguments, begun_with: str | None) -> "tuple[DatasetBuilder, str | None, str | None]":
    """The builder, and the revision and licence where they are known without reading."""
    from datasets import load_dataset_builder

    from hf_ssl.data.embedded import embedded_file

    name, path, data_files = arguments.dataset_name, Path(arguments.dataset_name), None
    location, revision, license_name, commit = name, None, None, None
    if name.startswith("embedded:"):
        path, revision = embedded_file(name.removeprefix("embedded:"))
        license_name = "other"  # that of the package which a text comes from
    if path.is_file():
        location, data_files = _format(path), {arguments.train_split: [str(path)]}
        if arguments.eval_split:
            raise UserError(f"{name} is one file and has no split '{arguments.eval_split}'; leave out --eval_split")
    elif path.is_dir():
        location, license_name = str(path), _local_license(path)
    elif path.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise UserError(f"no such file or folder: {path}")
    else:
        commit, license_name = _hub_state(name, begun_with)
        revision = commit
    try:
        builder = load_dataset_builder(location, arguments.dataset_config, data_files=data_files, revision=commit)
    except Exception as error:
        raise unreadable(name, error) from error
    _protect(builder)
    return builder, revision, license_name


def _format(path: Path) -> str:
    kind = next((BUILDERS[part] for part in reversed(path.name.split(".")) if part in BUILDERS), None)
    if kind is None:
        endings = ", .".join(BUILDERS)
        raise UserError(f"cannot tell the format of {path}: it must end in one of .{endings} (or these with .gz)")
    return kind


def _local_license(folder: Path) -> str | None:
    from huggingface_hub import DatasetCard

    card = folder / "README.md"
    if not card.exists():
        return None
    try:
        return _one_name(DatasetCard.load(card, ignore_metadata_errors=True).data.license)
    except ValueError as error:
        raise UserError(f"{card} has no readable metadata: {in_one_line(error)}") from error


def _hub_state(name: str, begun_with: str | None) -> tuple[str, str | None]:
    """The commit to read, so that the whole run reads one state: where the default branch is at its start; the licence."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        information = HfApi().dataset_info(name, revision=begun_with, timeout=30)
    except HFValidationError as error:
        raise UserError(f"'{name}' is neither a local file or folder nor a valid Hub id") from error
    except Exception as error:  # the client's own errors and those of its transport share no class
        raise unreadable(name, error) from error
    return str(information.sha), _one_name(information.card_data.license if information.card_data else None)


def _one_name(license_name: str | list[str] | None) -> str | None:
    """Cards may name several licences."""
    return ", ".join(license_name) if isinstance(license_name, list) else license_name


def unreadable(name: str, error: Exception) -> UserError:
    """A sentence for what the data layers raise, which have no common class."""
    return UserError(f"cannot read the data set '{name}': {in_one_line(error)}")


def _protect(builder: "DatasetBuilder") -> None:
    """Let the reader check what its format can: page checksums in Parquet; broken UTF-8 becomes U+FFFD in text."""
    import pyarrow.dataset

    if hasattr(builder.config, "fragment_scan_options"):
        builder.config.fragment_scan_options = pyarrow.dataset.ParquetFragmentScanOptions(
            page_checksum_verification=True
        )
    if hasattr(builder.config, "encoding_errors"):
        builder.config.encoding_errors = "replace"


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
