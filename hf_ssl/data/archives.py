"""Tar archives, and whether they were cut short: their readers say nothing then and end early."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hf_ssl.errors import UserError
from hf_ssl.progress import progress_bar

if TYPE_CHECKING:
    from datasets import DatasetBuilder

END = 1024  # bytes: two blocks of zeros close every tar archive (POSIX.1, pax)


def is_webdataset(builder: "DatasetBuilder") -> bool:
    """Whether rows are groups of files in tar archives."""
    from datasets.packaged_modules.webdataset.webdataset import WebDataset

    return isinstance(builder, WebDataset)


def check_archives(files: Sequence[str]) -> None:
    """Read the end of each plain tar archive, local or on the Hub.

    Raises:
        UserError: naming the first that is not whole.
    """
    archives = [file for file in files if file.endswith(".tar")]
    with ThreadPoolExecutor(8) as threads:
        ends = threads.map(_is_whole, archives)
        for file, whole in progress_bar("checking archives", zip(archives, ends, strict=True), delay=5):
            if not whole:
                raise UserError(f"the archive {file} is cut short: it lacks the end mark of tar; fetch it again")


def _is_whole(file: str) -> bool:
    from datasets.utils.file_utils import xopen

    with xopen(file, "rb") as archive:
        size = archive.seek(0, 2)
        archive.seek(max(0, size - END))
        return size >= END and not any(archive.read(END))
