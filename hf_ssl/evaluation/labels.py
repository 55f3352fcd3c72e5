"""Choice of the labels that have enough rows to measure against."""

from __future__ import annotations

from collections import Counter
from typing import Any

FEWEST_OF_A_LABEL = 3  # bank rows: choices are made on three folds
FEWEST_LABELLED_TEST = 10  # rows: fewer give no meaningful figure
FEWEST_TEST_ROWS = 300  # with fewer, all rows are clustered


class NoLabelsError(Exception):
    """A column holds no usable labels."""


def label_of(value: Any) -> Any:
    """Return a label as stored, or None if it is missing: None, "", NaN, or -1 (in CSV a word), which marks hidden labels on the Hub.

    Raises:
        NoLabelsError: if it is a fraction: a quantity, not a class.
    """
    if value is None or value in ("", "-1", -1) or value != value:  # NaN differs from itself
        return None
    if isinstance(value, float):
        if not value.is_integer():
            raise NoLabelsError(f"its labels are quantities such as {value}, not classes")
        return int(value)
    return value


def measured_labels(bank: list[Any], test: list[Any], notes: list[str], label_column: str | None) -> list[Any]:
    """Return the labels with enough rows to fit and measure on; none if too few test rows have one."""
    known = _usable_labels(bank, test, notes, label_column)
    if known and len(test) >= FEWEST_TEST_ROWS and sum(label in known for _, label in test) < FEWEST_LABELLED_TEST:
        notes.append(
            f"Fewer than {FEWEST_LABELLED_TEST} test rows have a label, so nothing is measured against labels."
        )
        return []
    return known


def _usable_labels(bank: list[Any], test: list[Any], notes: list[str], label_column: str | None) -> list[Any]:
    """Return the labels that enough rows have; none if there are fewer than two."""
    counts = Counter(label for _, label in bank if label is not None)
    if label_column is None:
        return []
    fewest = FEWEST_OF_A_LABEL if len(bank) > 2 * FEWEST_OF_A_LABEL else 1
    known = sorted((label for label, count in counts.items() if count >= fewest), key=str)
    rare = sorted((label for label, count in counts.items() if count < fewest), key=str)
    missing = sum(label is None for _, label in bank) + sum(label is None for _, label in test)
    if missing:
        notes.append(
            f"{missing:,} of {len(bank) + len(test):,} rows have no label (empty, NaN or -1): they are used for features and clusters, but not "
            "for figures that need labels."
        )
    if rare:
        named = ", ".join(f"'{label}'" for label in rare[:5]) + (" ..." if len(rare) > 5 else "")
        notes.append(
            f"Fewer than {fewest} rows of the bank have the label {named}: left out of figures that need labels."
        )
    if len(known) >= 2:
        return known
    notes.append(f"Column '{label_column}' has {len(known)} usable label(s), so nothing is measured against labels.")
    return []
