"""The rows that all methods of a comparison see: a bank to learn from, test rows, labels where there are any."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hf_ssl.data.columns import RowReader, check_column, find_label_column, first_table
from hf_ssl.data.images import ImageRows, is_image_column
from hf_ssl.data.sources import DataArguments, Source
from hf_ssl.data.text import TextRows
from hf_ssl.errors import UserError
from hf_ssl.evaluation.labelled import Labelled, TooFewLabelsError, choose_rows

NO_LABEL = -1
FEWEST_OF_A_LABEL = 3  # in the bank: choices are made on three folds of it
FEWEST_LABELLED_TEST = 20  # rows: a figure of fewer says nothing
FEWEST_TEST_ROWS = 300  # below them clusters are sought among all rows


@dataclass(frozen=True)
class ComparedRows:
    """What is compared on.

    Attributes:
        kind: "text" or "images".
        column: that holds them.
        label_column: where there is one.
        bank: rows that readouts and baselines learn from; a label of -1 is none.
        test: rows that figures are measured on.
        names: of the labels; empty where there is nothing to measure against.
        notes: what was left out, and why, as sentences.
        identity: of the data set: name, revision.
    """

    kind: Literal["text", "images"]
    column: str
    label_column: str | None
    bank: Labelled
    test: Labelled
    names: list[str]
    notes: list[str]
    identity: dict[str, Any]

    @property
    def known(self) -> np.ndarray:
        """Places of the labelled rows of the bank."""
        return np.flatnonzero(self.bank.labels != NO_LABEL)

    @property
    def all_clustered(self) -> bool:
        """Whether clusters are sought among all rows, because there are few test rows."""
        return len(self.test.inputs) < FEWEST_TEST_ROWS

    @property
    def clustered(self) -> Labelled:
        """The rows among which clusters are sought."""
        if not self.all_clustered:
            return self.test
        return Labelled(self.bank.inputs + self.test.inputs, np.concatenate([self.bank.labels, self.test.labels]))

    def record(self) -> dict[str, Any]:
        """What identifies these rows: figures of other rows are other figures."""
        content = hashlib.sha256()
        for part in (self.bank, self.test):
            for value in part.inputs:
                content.update(value.encode() if isinstance(value, str) else value.tobytes())
            content.update(part.labels.tobytes())
        sizes = {"bank": len(self.bank.inputs), "test": len(self.test.inputs), "labelled": len(self.known)}
        return {**self.identity, **sizes, "kind": self.kind, "labels": self.names, "content": content.hexdigest()[:40]}


def compared_rows(
    source: Source, data: DataArguments, columns: dict[str, str | None], image_size: int, most: tuple[int, int]
) -> ComparedRows:
    """Choose the rows.

    Args:
        source: the opened data set.
        data: names the label column, if the user did.
        columns: "text" and "images" -> the column that the user named, or None.
        image_size: pixels a side.
        most: rows of bank and test.

    Raises:
        UserError: if there is neither text nor an image, or too little of it; if a named label column holds no labels.
    """
    table = first_table(source.train, source.name)
    label_column = find_label_column(table, data)
    kind, column = find_inputs(table, columns, label_column, source.name)

    def reader(held_out: bool | None) -> RowReader:
        strict = data.bad_rows == "error"
        if kind == "text":
            return TextRows(column, held_out, strict)
        return ImageRows(column, image_size, held_out, strict)

    split = source.evaluation is None
    measured = source.train if source.evaluation is None else source.evaluation
    notes: list[str] = []
    if label_column is None:
        notes.append("There is no label column, so nothing is measured against labels (--label_column names one).")
    try:
        bank = choose_rows(source.train, reader(False if split else None), label_column, most[0], unlabelled_too=True)
        test = choose_rows(measured, reader(True if split else None), label_column, most[1], unlabelled_too=True)
    except TooFewLabelsError as error:
        if data.label_column:
            raise UserError(f"column '{label_column}' cannot be used: {error}; name another --label_column") from error
        notes.append(f"Column '{label_column}' is left alone: {error}.")
        bank = choose_rows(source.train, reader(False if split else None), None, most[0], unlabelled_too=True)
        test = choose_rows(measured, reader(True if split else None), None, most[1], unlabelled_too=True)
    if len(bank) + len(test) < 2:
        raise UserError(f"'{source.name}' has {len(bank) + len(test)} usable rows; a comparison needs two at least")
    if not bank:  # of a few rows the hash may hold out all or none
        bank, test = test, []
    if not test:
        test, bank = bank[: max(1, len(bank) // 5)], bank[max(1, len(bank) // 5) :]
        notes.append("The hash held no row out; a fifth of the rows is measured on, and pretraining sees it too.")
    known = _measured_labels(bank, test, notes, label_column)
    names = _names(source, label_column, known)
    identity = {name: value for name, value in source.record().items() if name != "files"}
    return ComparedRows(
        kind, column, label_column, _numbered(bank, known), _numbered(test, known), names, notes, identity
    )


def find_inputs(
    table: pa.Table, columns: dict[str, str | None], label_column: str | None, name: str
) -> tuple[Literal["text", "images"], str]:
    """The column that was named; or the first one of images; or "text"; or the column of words with the longest first row."""
    for kind, flag in (("text", "text_column"), ("images", "image_column")):
        check_column(table, flag, columns[kind], name)
    holding = [part.name for part in table.schema if is_image_column(part.type)]
    words = [part.name for part in table.schema if pa.types.is_string(part.type) or pa.types.is_large_string(part.type)]
    words = [column for column in words if column != label_column]
    if columns["images"] or (holding and not columns["text"]):
        column = columns["images"] or holding[0]
        if column not in holding:
            raise UserError(f"column '{column}' of '{name}' holds {table.schema.field(column).type}, not images")
        return "images", column
    if columns["text"]:
        return "text", columns["text"]
    if "text" in words:
        return "text", "text"
    if not words:
        there = ", ".join(f"{part.name} ({part.type})" for part in table.schema)
        raise UserError(f"'{name}' has neither images nor text but {there}; name a --text_column or an --image_column")
    return "text", max(words, key=lambda column: len(table.column(column)[0].as_py() or ""))


def _measured_labels(bank: list[Any], test: list[Any], notes: list[str], label_column: str | None) -> list[Any]:
    """Labels that there are enough rows of to learn and to measure by; none if it is not enough."""
    known = _usable_labels(bank, test, notes, label_column)
    if len(test) >= FEWEST_TEST_ROWS and sum(label in known for _, label in test) < FEWEST_LABELLED_TEST and known:
        notes.append(
            f"Fewer than {FEWEST_LABELLED_TEST} test rows have a label, so nothing is measured against labels."
        )
        known = []
    return known


def _usable_labels(bank: list[Any], test: list[Any], notes: list[str], label_column: str | None) -> list[Any]:
    """Labels that enough rows have; none if there are fewer than two of them."""
    counts = Counter(label for _, label in bank if label is not None)
    if label_column is None:
        return []
    fewest = FEWEST_OF_A_LABEL if len(bank) > 2 * FEWEST_OF_A_LABEL else 1
    known = sorted((label for label, count in counts.items() if count >= fewest), key=str)
    rare = sorted((label for label, count in counts.items() if count < fewest), key=str)
    missing = sum(label is None for _, label in bank) + sum(label is None for _, label in test)
    if missing:
        notes.append(
            f"{missing:,} of {len(bank) + len(test):,} rows have no label: they count for features and clusters, not for "
            "figures against labels."
        )
    if rare:
        named = ", ".join(f"'{label}'" for label in rare[:5]) + (" ..." if len(rare) > 5 else "")
        notes.append(
            f"Fewer than {fewest} rows of the bank have the label {named}: left out of figures against labels."
        )
    if len(known) >= 2:
        return known
    notes.append(f"Column '{label_column}' has {len(known)} usable label(s), so nothing is measured against labels.")
    return []


def _numbered(rows: list[tuple[Any, Any]], known: list[Any]) -> Labelled:
    places = {label: place for place, label in enumerate(known)}
    labels = np.array([places.get(label, NO_LABEL) for _, label in rows], np.int64)
    return Labelled([value for value, _ in rows], labels)


def _names(source: Source, label_column: str | None, known: list[Any]) -> list[str]:
    """What the data set calls its labels."""
    features = source.train.dataset.features or {}
    names = getattr(features.get(label_column), "names", None)
    return [str(names[label]) if names and isinstance(label, int) else str(label) for label in known]
