"""Which `datasets` builder reads a data set: a Hub id, a folder, a file or a built-in one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_ssl.errors import UserError, in_one_line

if TYPE_CHECKING:  # heavy, and not needed for --help
    from datasets import DatasetBuilder

    from hf_ssl.data.sources import DataArguments

FORMATS = {
    "parquet": "parquet", "jsonl": "json", "json": "json", "txt": "text", "text": "text", "tar": "webdataset",
}  # fmt: skip


def open_builder(arguments: "DataArguments", begun_with: str | None) -> "tuple[DatasetBuilder, str | None, str | None]":
    """The builder, and the revision and licence where they are known without reading.

    Raises:
        UserError: if there is no such data set.
    """
    from datasets import load_dataset_builder

    from hf_ssl.data.embedded import embedded_file

    name, path = arguments.dataset_name, Path(arguments.dataset_name)
    data_files: dict[str, Any] | None = None
    location, revision, license_name, commit = name, None, None, None
    if name.startswith("embedded:"):
        embedded = embedded_file(name.removeprefix("embedded:"))
        location, data_files = "parquet", embedded.files
        revision, license_name = embedded.revision, embedded.license
    elif path.is_file():
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


def unreadable(name: str, error: Exception) -> UserError:
    """A sentence for what the data layers raise, which have no common class."""
    return UserError(f"cannot read the data set '{name}': {in_one_line(error)}")


def _format(path: Path) -> str:
    kind = next((FORMATS[part] for part in reversed(path.name.split(".")) if part in FORMATS), None)
    if kind is None:
        endings = ", .".join(FORMATS)
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


def _protect(builder: "DatasetBuilder") -> None:
    """Let the reader check what its format can: page checksums in Parquet; broken UTF-8 becomes U+FFFD in text."""
    import pyarrow.dataset

    if hasattr(builder.config, "fragment_scan_options"):
        builder.config.fragment_scan_options = pyarrow.dataset.ParquetFragmentScanOptions(
            page_checksum_verification=True
        )
    if hasattr(builder.config, "encoding_errors"):
        builder.config.encoding_errors = "replace"
