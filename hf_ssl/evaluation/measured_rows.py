"""The rows that features are measured on: a bank to fit readouts on, and test rows that no model was trained on."""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import RowReader
from hf_ssl.data.rows import SHARE, Rows, unshuffled_blocks
from hf_ssl.data.sources import Source
from hf_ssl.evaluation.labels import FEWEST_TEST_ROWS, NoLabelsError, label_of, measured_labels
from hf_ssl.modalities.base import Modality

NO_LABEL = -1
SPARE = 3  # factor on the rows wanted: how many are read
MOST_SHARDS = 64  # to read from, evenly spaced


@dataclass(frozen=True)
class Labelled:
    """Inputs with labels.

    Attributes:
        inputs: inputs of the modality.
        labels: int64, shape (rows,), from 0; -1 for none.
    """

    inputs: list[Any]
    labels: np.ndarray


@dataclass(frozen=True)
class MeasuredRows:
    """The rows to measure on.

    Attributes:
        modality: modality of the inputs, with its columns set.
        label_column: column of the labels, if any.
        bank: rows that readouts and baselines are fitted on.
        test: rows that figures are measured on.
        names: label names; empty if there are no labels to measure against.
        notes: sentences on what was left out, and why.
        identity: name and revision of the data set.
        warnings: doubts about the values.
    """

    modality: Modality
    label_column: str | None
    bank: Labelled
    test: Labelled
    names: list[str]
    notes: list[str]
    identity: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    @property
    def known(self) -> np.ndarray:
        """Return the indices of the labelled rows of the bank."""
        return np.flatnonzero(self.bank.labels != NO_LABEL)

    @property
    def all_clustered(self) -> bool:
        """Return whether all rows are clustered, because there are few test rows."""
        return len(self.test.inputs) < FEWEST_TEST_ROWS

    @property
    def clustered(self) -> Labelled:
        """Return the rows to cluster."""
        if not self.all_clustered:
            return self.test
        return Labelled(self.bank.inputs + self.test.inputs, np.concatenate([self.bank.labels, self.test.labels]))

    def record(self) -> dict[str, Any]:
        """Return what identifies these rows, as JSON."""
        sizes = {"bank": len(self.bank.inputs), "test": len(self.test.inputs), "labelled": len(self.known)}
        content = content_hash(self.modality, [self.bank, self.test])
        return {**self.identity, **sizes, "modality": self.modality.name, "labels": self.names, "content": content}


def content_hash(modality: Modality, parts: list[Labelled]) -> str:
    """Return a hash of inputs and labels."""
    content = hashlib.sha256()
    for part in parts:
        for value in part.inputs:
            data = modality.content(value)
            content.update(len(data).to_bytes(8, "little") + data)
        content.update(part.labels.tobytes())
    return content.hexdigest()[:40]


def measured_rows(
    source: Source, data: DataArguments, modality: Modality, label_column: str | None, most: tuple[int, int]
) -> MeasuredRows:
    """Choose the rows to measure on.

    Args:
        source: the opened data set.
        data: flags: whether the user named the label column, and how to treat unusable rows.
        modality: with its columns set.
        label_column: column of the labels, if any.
        most: maximum numbers of bank and test rows.

    Raises:
        UserError: if there are too few usable rows, or if a named label column holds no labels.
    """
    split, strict = source.evaluation is None, data.bad_rows == "error"
    readers = [modality.reader(held_out=side if split else None, strict=strict) for side in (False, True)]
    places = [source.train, source.train if source.evaluation is None else source.evaluation]

    def choose(column: str | None) -> list[list[tuple[Any, Any]]]:
        triples = zip(places, readers, most, strict=True)
        return [_choose_rows(modality, rows, reader, column, count) for rows, reader, count in triples]

    notes: list[str] = []
    if label_column is None:
        notes.append("There is no label column, so nothing is measured against labels (--label_column names one).")
    try:
        bank, test = choose(label_column)
    except NoLabelsError as error:
        if data.label_column:
            raise UserError(f"column '{label_column}' cannot be used: {error}; name another --label_column") from error
        notes.append(f"Column '{label_column}' is not used: {error}.")
        bank, test = choose(None)
    if len(bank) + len(test) < 2:
        raise UserError(f"'{source.name}' has {len(bank) + len(test)} usable rows; measuring needs at least two")
    if not bank:  # of few rows the hash may hold out all or none
        bank, test = test, []
    if not test:
        test, bank = bank[: max(1, len(bank) // 5)], bank[max(1, len(bank) // 5) :]
        notes.append("The hash held out no rows; a fifth of the rows is used for testing, and pretraining sees it too.")
    known = measured_labels(bank, test, notes, label_column)
    identity = {name: value for name, value in source.record().items() if name != "checksums"}
    return MeasuredRows(
        modality,
        label_column,
        _numbered(bank, known),
        _numbered(test, known),
        _names(source, label_column, known),
        notes,
        identity,
    )


def first_inputs_of(modality: Modality, rows: Rows, split_by_hash: bool, count: int) -> list[Any]:
    """Return some inputs that no model was trained on, labelled or not."""
    reader = modality.reader(held_out=True if split_by_hash else None)
    inputs: list[Any] = []
    for block in unshuffled_blocks(rows):
        inputs += [value for _, value in reader.read(block)[0]]
        if len(inputs) >= count:
            break
    return inputs[:count]


def classes_among(rows: Rows, label_column: str, count: int) -> int:
    """Return the number of different labels among some rows."""
    found: set[Any] = set()
    seen = 0
    for block in unshuffled_blocks(rows):
        found.update(block.table.column(label_column).to_pylist())
        seen += block.table.num_rows
        if seen >= count:
            break
    return len(found - {None})


def _choose_rows(
    modality: Modality, rows: Rows, reader: RowReader, label_column: str | None, count: int
) -> list[tuple[Any, Any]]:
    """Return at most ``count`` (input, label) rows: those with the smallest hash, so that their order does not matter.

    Rows without a label come last, with the label None.
    """
    smallest: list[tuple[int, Any, Any]] = []
    read = 0
    enough = int(count * (1 / SHARE if reader.held_out else SPARE))
    for block in unshuffled_blocks(rows, most_shards=MOST_SHARDS):
        labels = block.table.column(label_column).to_pylist() if label_column else [None] * block.table.num_rows
        smallest += [
            (_rank(modality.content(value)), value, label_of(labels[place])) for place, value in reader.read(block)[0]
        ]
        if len(smallest) > 2 * count:
            smallest = heapq.nsmallest(count, smallest, key=_labelled_first)
        read += block.table.num_rows
        if read >= enough:
            break
    return [(value, label) for _, value, label in heapq.nsmallest(count, smallest, key=_labelled_first)]


def _labelled_first(row: tuple[int, Any, Any]) -> tuple[bool, int]:
    return row[2] is None, row[0]


def _rank(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, person=b"measured").digest(), "little")


def _numbered(rows: list[tuple[Any, Any]], known: list[Any]) -> Labelled:
    places = {label: place for place, label in enumerate(known)}
    labels = np.array([places.get(label, NO_LABEL) for _, label in rows], np.int64)
    return Labelled([value for value, _ in rows], labels)


def _names(source: Source, label_column: str | None, known: list[Any]) -> list[str]:
    """Return what the data set calls its labels."""
    names = source.train.label_names.get(label_column or "")
    return [str(names[label]) if names and isinstance(label, int) else str(label) for label in known]
