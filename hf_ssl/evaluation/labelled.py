"""Labelled rows to measure features on: a bank to learn a readout from, and test rows the model never saw."""

import hashlib
import heapq
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_ssl.data.rows import Rows
from hf_ssl.data.stream import unshuffled_blocks
from hf_ssl.data.text import TextRows

BANK_ROWS = 3000
TEST_ROWS = 1500
FEWEST_OF_A_LABEL = 10  # in the bank: folds need some
MOST_READ = 60_000  # rows looked at


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with labels.

    Attributes:
        texts: as they are in the data set.
        labels: int64, shape (rows,), from 0.
    """

    texts: list[str]
    labels: np.ndarray


class TooFewLabelsError(Exception):
    """There is nothing to measure features on."""


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
) -> tuple[LabelledTexts, LabelledTexts]:
    """The bank (rows of the training part) and the test rows (of the evaluation split, or held out by hash).

    Raises:
        TooFewLabelsError: if there is nothing to measure, and why.
    """
    split = evaluation is None
    bank = choose_rows(train, column, label_column, False if split else None, BANK_ROWS)
    test = choose_rows(
        train if evaluation is None else evaluation, column, label_column, True if split else None, TEST_ROWS
    )
    counts = Counter(label for _, label in bank)
    known = sorted((label for label, count in counts.items() if count >= FEWEST_OF_A_LABEL), key=str)
    if len(known) < 2:
        raise TooFewLabelsError(
            f"column '{label_column}' has {len(known)} labels with at least {FEWEST_OF_A_LABEL} of the {len(bank)} labelled rows"
        )
    places = {label: place for place, label in enumerate(known)}

    def texts(rows: list[tuple[str, Any]]) -> LabelledTexts:
        kept = [(text, places[label]) for text, label in rows if label in places]
        return LabelledTexts([text for text, _ in kept], np.array([label for _, label in kept], np.int64))

    measured = texts(bank), texts(test)
    if len(measured[1].texts) < 10:
        raise TooFewLabelsError(f"only {len(measured[1].texts)} test rows have a label in column '{label_column}'")
    return measured
