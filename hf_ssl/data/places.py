"""Where a data set lies: built in, on disk or on the Hub; its files, and what its card states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets import load_dataset_builder
from huggingface_hub import DatasetCard, DatasetCardData, HfApi
from huggingface_hub.errors import HFValidationError, RevisionNotFoundError

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import BRIEF, patiently
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.embedded import PREFIX, embedded_file
from hf_ssl.data.listing import DataFile, list_hub, list_local, open_archives
from hf_ssl.data.stated import Stated


@dataclass(frozen=True)
class Located:
    """The files of a data set, with what is known before they are read.

    Attributes:
        files: all files.
        configured: split -> files, if the card says so.
        revision: Hub commit, or a hash; None if it can only be computed by reading the files.
        stated: what the card states.
        on_hub: whether the data come from the Hub.
    """

    files: list[DataFile]
    configured: dict[str, list[DataFile]] | None = None
    revision: str | None = None
    stated: Stated = field(default_factory=Stated)
    on_hub: bool = False


def locate(arguments: DataArguments, begun_with: str | None) -> Located:
    """Find the files of a data set; a data set on the Hub is pinned to a commit.

    Raises:
        UserError: if there is no such data set.
    """
    name, path = arguments.dataset_name, Path(arguments.dataset_name)
    if name.startswith(PREFIX):
        embedded = embedded_file(name.removeprefix(PREFIX))
        splits = {split: list_local(Path(file)) for split, file in embedded.files.items()}
        stated = Stated(embedded.license, embedded.language)
        return Located([file for files in splits.values() for file in files], splits, embedded.revision, stated)
    if path.exists():
        card = _local_card(path) if path.is_dir() else None
        return Located(list_local(path), _configured(arguments, str(path), card, None), stated=Stated.of(card))
    if path.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise UserError(f"no such file or folder: {path}")
    commit, card, names = _hub_state(name, begun_with)
    configured = _configured(arguments, name, card, commit)
    files = [] if configured else list_hub(name, commit, names)
    return Located(files, configured, commit, Stated.of(card), on_hub=True)


def unreadable(name: str, error: Exception) -> UserError:
    """Return a `UserError` for an error of the data libraries, which share no base class."""
    return UserError(f"cannot read the data set '{name}': {in_one_line(error)}")


def _configured(
    arguments: DataArguments, place: str, card: DatasetCardData | None, commit: str | None
) -> dict[str, list[DataFile]] | None:
    """Return the files of each split of a configuration that the card defines by its patterns."""
    if not (getattr(card, "configs", None) or arguments.dataset_config):
        return None
    try:
        builder = patiently(lambda: load_dataset_builder(place, arguments.dataset_config, revision=commit), BRIEF)
        found = {
            str(split): [str(file) for file in files] for split, files in (builder.config.data_files or {}).items()
        }
    except Exception as error:
        raise unreadable(arguments.dataset_name, error) from error
    return {split: _named(files, place, commit) for split, files in found.items()}


def _named(paths: Sequence[str], place: str, commit: str | None) -> list[DataFile]:
    start = f"hf://datasets/{place}@{commit}/" if commit else f"{Path(place).resolve()}/"
    sizes = [None if commit else Path(path).stat().st_size for path in paths]
    files = [DataFile(path.removeprefix(start), path, size) for path, size in zip(paths, sizes, strict=True)]
    return open_archives(files)


def _local_card(folder: Path) -> DatasetCardData | None:
    path = folder / "README.md"
    if not path.exists():
        return None
    try:
        return DatasetCard.load(path, ignore_metadata_errors=True).data
    except ValueError as error:
        raise UserError(f"{path} has no readable metadata: {in_one_line(error)}") from error


def _hub_state(name: str, begun_with: str | None) -> tuple[str, DatasetCardData | None, list[str]]:
    """Return the commit that the whole run reads (by default the head of the default branch), the card and all file names."""
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
    return str(information.sha), information.card_data, [file.rfilename for file in information.siblings or ()]
