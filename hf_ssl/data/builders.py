"""Which `datasets` builder reads a data set: a Hub id, a folder, a file or a built-in one."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_ssl.errors import UserError, in_one_line

if TYPE_CHECKING:  # heavy, and not needed for --help
    from datasets import DatasetBuilder
    from huggingface_hub import DatasetCardData

    from hf_ssl.data.sources import DataArguments

FORMATS = {
    "parquet": "parquet", "jsonl": "json", "json": "json", "txt": "text", "text": "text", "tar": "webdataset",
}  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """A builder, and what is known of its data without reading them.

    Attributes:
        builder: of `datasets`.
        revision: commit of the Hub, or a hash; None where the files have to be read for it.
        license: as the data set's card states it.
        language: codes, likewise.
        on_hub: whether the data come from the Hub.
    """

    builder: "DatasetBuilder"
    revision: str | None = None
    license: str | None = None
    language: list[str] = field(default_factory=list)
    on_hub: bool = False


def open_builder(arguments: "DataArguments", begun_with: str | None) -> Opened:
    """Find out what reads a data set; one on the Hub is pinned to a commit.

    Raises:
        UserError: if there is no such data set.
    """
    from hf_ssl.data.embedded import embedded_file

    name, path = arguments.dataset_name, Path(arguments.dataset_name)
    if name.startswith("embedded:"):
        embedded = embedded_file(name.removeprefix("embedded:"))
        builder = _load(arguments, "parquet", data_files=embedded.files)
        return Opened(builder, embedded.revision, embedded.license, embedded.language)
    if path.is_file():
        if arguments.eval_split:
            raise UserError(f"{name} is one file and has no split '{arguments.eval_split}'; leave out --eval_split")
        return Opened(_load(arguments, _format(path), data_files={arguments.train_split: [str(path)]}))
    if path.is_dir():
        return Opened(_load(arguments, str(path)), None, *_stated(_local_card(path)))
    if path.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise UserError(f"no such file or folder: {path}")
    commit, card = _hub_state(name, begun_with)
    return Opened(_load(arguments, name, revision=commit), commit, *_stated(card), on_hub=True)


def _load(arguments: "DataArguments", location: str, **options: Any) -> "DatasetBuilder":
    from datasets import load_dataset_builder

    from hf_ssl.patience import BRIEF, patiently

    try:
        builder = patiently(lambda: load_dataset_builder(location, arguments.dataset_config, **options), BRIEF)
    except Exception as error:
        raise unreadable(arguments.dataset_name, error) from error
    _protect(builder)
    return builder


def unreadable(name: str, error: Exception) -> UserError:
    """A sentence for what the data layers raise, which have no common class."""
    return UserError(f"cannot read the data set '{name}': {in_one_line(error)}")


def _format(path: Path) -> str:
    kind = next((FORMATS[part] for part in reversed(path.name.split(".")) if part in FORMATS), None)
    if kind is None:
        endings = ", .".join(FORMATS)
        raise UserError(f"cannot tell the format of {path}: it must end in one of .{endings} (or these with .gz)")
    return kind


def _local_card(folder: Path) -> "DatasetCardData | None":
    from huggingface_hub import DatasetCard

    path = folder / "README.md"
    if not path.exists():
        return None
    try:
        return DatasetCard.load(path, ignore_metadata_errors=True).data
    except ValueError as error:
        raise UserError(f"{path} has no readable metadata: {in_one_line(error)}") from error


def _hub_state(name: str, begun_with: str | None) -> "tuple[str, DatasetCardData | None]":
    """The commit to read, so that the whole run reads one state: where the default branch is at its start; the card."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RevisionNotFoundError

    from hf_ssl.patience import BRIEF, patiently

    try:
        information = patiently(lambda: HfApi().dataset_info(name, revision=begun_with), BRIEF)
    except HFValidationError as error:
        raise UserError(f"'{name}' is neither a local file or folder nor a valid Hub id") from error
    except RevisionNotFoundError as error:
        raise UserError(
            f"the data set '{name}' has lost the commit {begun_with} that this run was begun with; give "
            "--changed_data accept to go on with what it holds now, or choose another --output_dir"
        ) from error
    except Exception as error:  # the client's own errors and those of its transport share no class
        raise unreadable(name, error) from error
    return str(information.sha), information.card_data


def _stated(card: "DatasetCardData | None") -> tuple[str | None, list[str]]:
    """Licence and languages; cards may name several of both, or one as a word."""
    license_name, language = (card.license, card.language) if card else (None, None)
    if isinstance(license_name, list):
        license_name = ", ".join(license_name)
    languages = [language] if isinstance(language, str) else [str(code) for code in language or []]
    return license_name, languages


def _protect(builder: "DatasetBuilder") -> None:
    """Let the reader check what its format can: page checksums in Parquet; broken UTF-8 becomes U+FFFD in text."""
    import pyarrow.dataset

    if hasattr(builder.config, "fragment_scan_options"):
        builder.config.fragment_scan_options = pyarrow.dataset.ParquetFragmentScanOptions(
            page_checksum_verification=True
        )
    if hasattr(builder.config, "encoding_errors"):
        builder.config.encoding_errors = "replace"
