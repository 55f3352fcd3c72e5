"""Labelled rows to measure features on: a bank to learn a readout from, and test rows the model never saw."""

import hashlib
import heapq
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_ssl.data.columns import RowReader
from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import unshuffled_blocks
from hf_ssl.data.text import HELD_OUT_SHARE
from hf_ssl.pretext.base import PretextTask

FEWEST_OF_A_LABEL = 10  # in the bank: folds need some
SPARE = 3  # so many times the rows that are wanted are looked at
MOST_SHARDS = 64  # that they come from, evenly spaced


@dataclass(frozen=True)
class Labelled:
    """Inputs with labels.

    Attributes:
        inputs: texts as they are in the data set, or uint8 images of shape (size, size, 3).
        labels: int64, shape (rows,), from 0.
    """

    inputs: list[Any]
    labels: np.ndarray


class TooFewLabelsError(Exception):
    """There is nothing to measure features on."""


def choose_rows(
    rows: Rows, reader: RowReader, label_column: str | None, count: int, unlabelled_too: bool = False
) -> list[tuple[Any, Any]]:
    """At most ``count`` (input, label) rows: those with the smallest hash of the input, so that their order plays no part.

    Rows without a label (see `label_of`) are left out or, if ``unlabelled_too``, come last and have None as label.
    """
    smallest: list[tuple[int, Any, Any]] = []
    read = 0
    enough = int(count * (1 / HELD_OUT_SHARE if reader.held_out else SPARE))
    for block in unshuffled_blocks(rows, most_shards=MOST_SHARDS):
        labels = block.table.column(label_column).to_pylist() if label_column else [None] * block.table.num_rows
        for place, value in reader.read(block)[0]:
            label = label_of(labels[place])
            if label is not None or unlabelled_too:
                smallest.append((_rank(value), value, label))
        if len(smallest) > 2 * count:
            smallest = heapq.nsmallest(count, smallest, key=_labelled_first)
        read += block.table.num_rows
        if read >= enough:
            break
    return [(value, label) for _, value, label in heapq.nsmallest(count, smallest, key=_labelled_first)]


def _labelled_first(row: tuple[int, Any, Any]) -> tuple[bool, int]:
    return row[2] is None, row[0]


def label_of(value: Any) -> Any:
    """A label as it stands in the data; None for what is none: nothing, "", NaN, and -1 as the Hub marks hidden ones.

    Raises:
        TooFewLabelsError: if it is a number that is not whole: a quantity, not a kind.
    """
    if value is None or value == "" or value == -1 or value != value:  # NaN differs from itself
        return None
    if isinstance(value, float):
        if not value.is_integer():
            raise TooFewLabelsError(f"its labels are quantities such as {value}, not kinds")
        return int(value)
    return value


def _rank(value: Any) -> int:
    data = value.encode() if isinstance(value, str) else value.tobytes()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=b"measured").digest(), "little")


def labelled_rows(
    task: PretextTask, train: Rows, evaluation: Rows | None, label_column: str, most: tuple[int, int] | None = None
) -> tuple[Labelled, Labelled]:
    """The bank (rows of the training part) and the test rows (of the evaluation split, or held out by hash).

    Args:
        task: reads the rows.
        train: of the training split.
        evaluation: of another split, where there is one.
        label_column: where the labels are.
        most: rows of bank and test; those of the task by default.

    Raises:
        TooFewLabelsError: if there is nothing to measure, and why.
    """
    split = evaluation is None
    bank_rows, test_rows = most or task.measured_rows
    bank = choose_rows(train, task.reader(held_out=False if split else None), label_column, bank_rows)
    measured = train if evaluation is None else evaluation
    test = choose_rows(measured, task.reader(held_out=True if split else None), label_column, test_rows)
    counts = Counter(label for _, label in bank)
    known = sorted((label for label, count in counts.items() if count >= FEWEST_OF_A_LABEL), key=str)
    if len(known) < 2:
        raise TooFewLabelsError(
            f"column '{label_column}' has {len(known)} labels with at least {FEWEST_OF_A_LABEL} of the {len(bank)} labelled rows"
        )
    places = {label: place for place, label in enumerate(known)}

    def labelled(rows: list[tuple[Any, Any]]) -> Labelled:
        kept = [(value, places[label]) for value, label in rows if label in places]
        return Labelled([value for value, _ in kept], np.array([label for _, label in kept], np.int64))

    chosen = labelled(bank), labelled(test)
    if len(chosen[1].inputs) < 10:
        raise TooFewLabelsError(f"only {len(chosen[1].inputs)} test rows have a label in column '{label_column}'")
    return chosen
