"""Data sets of files: image folders, which are listed once, and tar archives, which are checked for truncation."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetBuilder, IterableDataset
from datasets.packaged_modules.folder_based_builder.folder_based_builder import FolderBasedBuilder
from datasets.packaged_modules.webdataset.webdataset import WebDataset
from datasets.utils.file_utils import xopen

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import progress_bar

END = 1024  # bytes: two blocks of zeros close every tar archive (POSIX.1, pax)


def is_webdataset(builder: DatasetBuilder) -> bool:
    """Return whether rows are groups of files in tar archives."""
    return isinstance(builder, WebDataset)


def check_archives(files: Sequence[str]) -> None:
    """Check that each plain tar archive, local or on the Hub, is complete by reading its end.

    Raises:
        UserError: naming the first incomplete archive.
    """
    archives = [file for file in files if file.endswith(".tar")]
    with ThreadPoolExecutor(8) as threads:
        ends = threads.map(_is_whole, archives)
        for file, whole in progress_bar("checking archives", zip(archives, ends, strict=True), delay=5):
            if not whole:
                raise UserError(f"the archive {file} is cut short: its end mark is missing; download it again")


def _is_whole(file: str) -> bool:

    with xopen(file, "rb") as archive:
        size = archive.seek(0, 2)
        archive.seek(max(0, size - END))
        return size >= END and not any(archive.read(END))


FILES_A_SHARD = 32
MOST_SHARDS = 64


def is_folder_of_files(builder: DatasetBuilder) -> bool:
    """Return whether each row is a separate file."""
    return isinstance(builder, FolderBasedBuilder)


def list_files(dataset: IterableDataset) -> IterableDataset:
    """Return the rows (paths and labels; no file is opened) in a fixed random order, split into shards.

    Folders come sorted by label and as one long shard: a block would contain few labels, and each resume would list all
    files again.
    """
    table = pa.concat_tables(list(dataset.with_format("arrow").iter(batch_size=1000)))
    mixed = table.take(np.random.default_rng(0).permutation(table.num_rows))
    shards = min(MOST_SHARDS, max(1, table.num_rows // FILES_A_SHARD))
    return Dataset(mixed).to_iterable_dataset(num_shards=shards)
