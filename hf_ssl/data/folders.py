"""Folders of image files: listed once, then entered anywhere."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasets import DatasetBuilder, IterableDataset

FILES_A_SHARD = 32
MOST_SHARDS = 64


def is_folder_of_files(builder: "DatasetBuilder") -> bool:
    """Whether each row is a file of its own."""
    from datasets.packaged_modules.folder_based_builder.folder_based_builder import FolderBasedBuilder

    return isinstance(builder, FolderBasedBuilder)


def list_files(dataset: "IterableDataset") -> "IterableDataset":
    """The rows (paths, labels; no file is opened) in a fixed random order, cut into shards.

    Folders lie sorted by label, as one long shard: as they are, a block would hold few labels, and a resume would list them
    all again.
    """
    import pyarrow as pa
    from datasets import Dataset

    table = pa.concat_tables(list(dataset.with_format("arrow").iter(batch_size=1000)))
    mixed = table.take(np.random.default_rng(0).permutation(table.num_rows))
    shards = min(MOST_SHARDS, max(1, table.num_rows // FILES_A_SHARD))
    return Dataset(mixed).to_iterable_dataset(num_shards=shards)
