"""Choice of the `datasets` builder for a data set: a Hub id, a folder, a file or a built-in data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.dataset
from datasets import DatasetBuilder, load_dataset_builder
from huggingface_hub import DatasetCard, DatasetCardData, HfApi
from huggingface_hub.errors import HFValidationError, RevisionNotFoundError

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import BRIEF, patiently
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.embedded import PREFIX, embedded_file

FORMATS = {
    "parquet": "parquet", "jsonl": "json", "json": "json", "txt": "text", "text": "text", "tar": "webdataset",
}  # fmt: skip


@dataclass(frozen=True)
class OpenedBuilder:
    """A builder, with what is known of its data before reading.

    Attributes:
        builder: a builder of `datasets`.
        revision: Hub commit, or a hash; None if it can only be computed by reading the files.
        license: as stated in the data set card.
        language: language codes, as stated in the card.
        on_hub: whether the data come from the Hub.
    """

    builder: DatasetBuilder
    revision: str | None = None
    license: str | None = None
    language: list[str] = field(default_factory=list)
    on_hub: bool = False


def open_builder(arguments: DataArguments, begun_with: str | None) -> OpenedBuilder:
    """Open the builder that reads a data set; a data set on the Hub is pinned to a commit.

    Raises:
        UserError: if there is no such data set.
    """
    name, path = arguments.dataset_name, Path(arguments.dataset_name)
    if name.startswith(PREFIX):
        embedded = embedded_file(name.removeprefix(PREFIX))
        builder = _load(arguments, "parquet", data_files=embedded.files)
        return OpenedBuilder(builder, embedded.revision, embedded.license, embedded.language)
    if path.is_file():
        if arguments.eval_split:
            raise UserError(f"{name} is one file and has no split '{arguments.eval_split}'; leave out --eval_split")
        return OpenedBuilder(_load(arguments, _format(path), data_files={arguments.train_split: [str(path)]}))
    if path.is_dir():
        return OpenedBuilder(_load(arguments, str(path)), None, *_stated(_local_card(path)))
    if path.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise UserError(f"no such file or folder: {path}")
    commit, card = _hub_state(name, begun_with)
    return OpenedBuilder(_load(arguments, name, revision=commit), commit, *_stated(card), on_hub=True)


def _load(arguments: DataArguments, location: str, **options: Any) -> DatasetBuilder:

    try:
        builder = patiently(lambda: load_dataset_builder(location, arguments.dataset_config, **options), BRIEF)
    except Exception as error:
        raise unreadable(arguments.dataset_name, error) from error
    _protect(builder)
    return builder


def unreadable(name: str, error: Exception) -> UserError:
    """Return a `UserError` for an error of the data libraries, which share no base class."""
    return UserError(f"cannot read the data set '{name}': {in_one_line(error)}")


def _format(path: Path) -> str:
    kind = next((FORMATS[part] for part in reversed(path.name.split(".")) if part in FORMATS), None)
    if kind is None:
        endings = ", .".join(FORMATS)
        raise UserError(f"cannot tell the format of {path}: it must end in one of .{endings} (or these with .gz)")
    return kind


def _local_card(folder: Path) -> DatasetCardData | None:

    path = folder / "README.md"
    if not path.exists():
        return None
    try:
        return DatasetCard.load(path, ignore_metadata_errors=True).data
    except ValueError as error:
        raise UserError(f"{path} has no readable metadata: {in_one_line(error)}") from error


def _hub_state(name: str, begun_with: str | None) -> tuple[str, DatasetCardData | None]:
    """Return the commit that the whole run reads (by default the head of the default branch), and the card."""
    try:
        information = patiently(lambda: HfApi().dataset_info(name, revision=begun_with), BRIEF)
    except HFValidationError as error:
        raise UserError(f"'{name}' is neither a local file or folder nor a valid Hub id") from error
    except RevisionNotFoundError as error:
        raise UserError(
            f"the data set '{name}' has lost the commit {begun_with} that this run was begun with; give "
            "--changed_data accept to continue with its current content, or choose another --output_dir"
        ) from error
    except Exception as error:  # errors of the client and of its transport share no base class
        raise unreadable(name, error) from error
    return str(information.sha), information.card_data


def _stated(card: DatasetCardData | None) -> tuple[str | None, list[str]]:
    """Return licence and languages; a card may state a single value or a list for each."""
    license_name, language = (card.license, card.language) if card else (None, None)
    if isinstance(license_name, list):
        license_name = ", ".join(license_name)
    languages = [language] if isinstance(language, str) else [str(code) for code in language or []]
    return license_name, languages


def _protect(builder: DatasetBuilder) -> None:
    """Enable the checks of the format: page checksums in Parquet; in text, invalid UTF-8 becomes U+FFFD."""
    if hasattr(builder.config, "fragment_scan_options"):
        builder.config.fragment_scan_options = pyarrow.dataset.ParquetFragmentScanOptions(
            page_checksum_verification=True
        )
    if hasattr(builder.config, "encoding_errors"):
        builder.config.encoding_errors = "replace"
