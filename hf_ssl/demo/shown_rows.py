"""The rows that a panel shows, and those that its features are learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.sources import Source, open_source
from hf_ssl.demo.arguments import DemoArguments, column_flags
from hf_ssl.evaluation.measured_rows import Labelled, measured_rows
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.known import MODALITIES, chosen_by, recognise

MOST_BANK = 1000


@dataclass(frozen=True)
class ShownRows:
    """Rows on a map.

    Attributes:
        modality: of the rows.
        dataset: its name, without the folders it lies in.
        inputs: of the modality.
        labels: int64, shape (rows,); -1 is none.
        names: of the labels; empty where there are none.
        bank: other rows, that features are learned from; empty where all was learned before.
    """

    modality: Modality
    dataset: str
    inputs: list[Any]
    labels: np.ndarray
    names: list[str]
    bank: Labelled

    def save(self, path: Path) -> None:
        """Write the rows as Parquet: a column named after the modality, and "label"."""
        columns = {self.modality.name: self.modality.to_column(self.inputs), "label": self.labels}
        pq.write_table(pa.table(columns), path)

    @classmethod
    def read(cls, path: Path, modality: Modality, dataset: str, names: list[str]) -> Self:
        """Read what `save` wrote."""
        table = pq.read_table(path)
        inputs = modality.from_column(table.column(modality.name))
        labels = table.column("label").to_numpy().astype(np.int64)
        return cls(modality, dataset, inputs, labels, names, Labelled([], np.zeros(0, np.int64)))


@dataclass(frozen=True)
class Found:
    """A data set that was opened, and what its first row says.

    Attributes:
        data: which rows.
        source: the opened data set.
        table: its first row.
        kind: name of the modality.
        columns: flag -> column that the user named.
    """

    data: DataArguments
    source: Source
    table: pa.Table
    kind: str
    columns: dict[str, str]


def look_at(data: DataArguments, arguments: DemoArguments, kind: str | None = None) -> Found:
    """Open a data set.

    Args:
        data: which.
        arguments: flags; a column that they name tells the modality.
        kind: name of the modality, where it is known.

    Raises:
        UserError: if it cannot be read or no modality fits.
    """
    source = open_source(data, identify=False)
    table = first_table(source.train, source.name)
    source.announce(table, data)
    found = kind or _named(table, arguments) or recognise(table, source.name, find_label_column(table, data))
    named = {flag: column for flag in column_flags(found) if (column := getattr(arguments, flag, None))}
    return Found(data, source, table, found, named)


def _named(table: pa.Table, arguments: DemoArguments) -> str | None:
    """Return the modality whose column was named and is there."""
    flags = [flag for kind in MODALITIES for flag in column_flags(kind)]
    return chosen_by({flag for flag in flags if getattr(arguments, flag, None) in table.column_names})


def choose_shown(found: Found, modality: Modality) -> ShownRows:
    """Choose the rows to show, and a bank of 1,000 others that features are learned from.

    Of a small data set all rows are shown, those of the bank too.

    Args:
        found: the data set.
        modality: reads its rows; where the user named no column, its columns are taken if the data set has them.

    Raises:
        UserError: if the data set cannot be read or has fewer than two usable rows.
    """
    source, data, table = found.source, found.data, found.table
    columns: dict[str, Any] = {flag: getattr(modality, flag) for flag in column_flags(modality.name)}
    columns = {flag: column if column in table.column_names else None for flag, column in columns.items()}
    label_column = find_label_column(table, data)
    settled = replace(modality, **columns | found.columns).for_columns(table, source.name, label_column)
    source = source.of_columns(settled.as_read(table), settled.columns, label_column)
    settled = settled.for_values(source.train)
    most = settled.costs.shown
    rows = measured_rows(source, data, settled, label_column, (MOST_BANK, most))
    shown = rows.test
    if rows.all_clustered:  # there are few: the map shows what it was learned from too
        labels = np.concatenate([shown.labels, rows.bank.labels])
        shown = Labelled(rows.test.inputs + rows.bank.inputs, labels)
    if len(shown.inputs) < 2:
        raise UserError(f"'{source.name}' has fewer than two usable rows; name another --dataset")
    name = Path(source.name).name if Path(source.name).exists() else source.name
    bank = rows.bank if rows.bank.inputs else shown
    return ShownRows(settled, name, shown.inputs[:most], shown.labels[:most], rows.names, bank)
