"""Streamed rows, shard by shard."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_ssl.errors import UserError, in_one_line

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import IterableDataset


@dataclass(frozen=True)
class Rows:
    """One split of a streamed data set.

    Attributes:
        dataset: as `datasets` streams it.
        files: the file that each shard belongs to; empty where that is not known.
    """

    dataset: "IterableDataset"
    files: tuple[str, ...] = ()

    @property
    def shards(self) -> int:
        """How many parts can be entered on their own."""
        return int(self.dataset.num_shards)

    def tables(self, shard: int, size: int, first: int = 0) -> Iterator["pa.Table"]:
        """Yield the rows of a shard from row ``first`` on as tables of ``size`` rows.

        Raises:
            UserError: naming the file, if it cannot be read.
        """
        rows = self.dataset.shard(num_shards=self.shards, index=shard).with_format("arrow")
        try:
            yield from rows.skip(first).iter(batch_size=size)
        except Exception as error:  # the readers of the formats share no class of errors
            raise UserError(f"cannot read {self.name(shard)}: {in_one_line(error)}; mend or remove it") from error

    def name(self, shard: int) -> str:
        """What to call a shard in a message."""
        return self.files[shard] if len(self.files) == self.shards else f"shard {shard} of the data set"
