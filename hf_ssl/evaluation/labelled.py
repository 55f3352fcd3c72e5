"""Labelled rows to measure features on: a bank to learn a readout from, and test rows the model never saw."""

import hashlib
import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import unshuffled_blocks
from hf_ssl.data.text import TextRows

BANK_ROWS = 3000
TEST_ROWS = 1500
MOST_READ = 60_000  # rows looked at


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with labels.

    Attributes:
        texts: as they are in the data set.
        labels: int64, shape (rows,).
        names: of the labels.
    """

    texts: list[str]
    labels: np.ndarray
    names: list[str]


def choose_rows(rows: Rows, column: str, label_column: str, held_out: bool | None, count: int) -> list[tuple[str, Any]]:
    """At most ``count`` (text, label) rows: those with the smallest hash of the text, so that their order plays no part.

    Rows without a label (None, or -1 as the Hub marks hidden ones) are left out.
    """
    texts = TextRows(column, held_out)
    smallest: list[tuple[int, str, Any]] = []
    read = 0
    for block in unshuffled_blocks(rows):
        labels = block.table.column(label_column).to_pylist()
        for place, text in texts.read(block)[0]:
            if labels[place] not in (None, -1, ""):
                rank = int.from_bytes(
                    hashlib.blake2b(text.encode(), digest_size=8, person=b"measured").digest(), "little"
                )
                smallest.append((rank, text, labels[place]))
        if len(smallest) > 4 * count:
            smallest = heapq.nsmallest(count, smallest, key=lambda row: row[0])
        read += block.table.num_rows
        if read >= MOST_READ:
            break
    return [(text, label) for _, text, label in heapq.nsmallest(count, smallest, key=lambda row: row[0])]


def labelled_texts(
    train: Rows, evaluation: Rows | None, column: str, label_column: str
) -> tuple[LabelledTexts, LabelledTexts] | None:
    """The bank (rows of the training part) and the test rows (of the evaluation split, or held out by hash).

    Returns None if there are too few rows, or fewer than two labels, to measure anything.
    """
    held_out = evaluation is None
    bank = choose_rows(train, column, label_column, False if held_out else None, BANK_ROWS)
    test = choose_rows(
        train if evaluation is None else evaluation, column, label_column, True if held_out else None, TEST_ROWS
    )
    known = sorted({label for _, label in bank}, key=lambda label: (str(type(label)), label))
    test = [(text, label) for text, label in test if label in known]
    if len(known) < 2 or len(bank) < 20 or len(test) < 10:
        return None
    names = _names(train, label_column, known)

    def texts(rows: list[tuple[str, Any]]) -> LabelledTexts:
        return LabelledTexts([text for text, _ in rows], np.array([known.index(label) for _, label in rows]), names)

    return texts(bank), texts(test)


def _names(rows: Rows, label_column: str, known: list[Any]) -> list[str]:
    feature = (rows.dataset.features or {}).get(label_column)
    names = getattr(feature, "names", None)
    return [str(names[label]) if names and isinstance(label, int) else str(label) for label in known]
