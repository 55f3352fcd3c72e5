"""Doubts about inputs and labels, said before anything is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from hf_ssl.common.progress import print_once
from hf_ssl.data.rows import Rows, unshuffled_blocks
from hf_ssl.evaluation.labels import NoLabelsError, label_of
from hf_ssl.modalities.base import Modality

LOOKED_AT = 2000  # labels
ENOUGH = 50  # labels that all differ are no classes


def doubts_about(modality: Modality, inputs: Sequence[Any], rows: Rows, label_column: str | None) -> list[str]:
    """Return and print a sentence for each doubt about the values of some inputs, and about the labels.

    Raises:
        UserError: if nothing can be learned from the inputs.
    """
    found = list(modality.warnings_about(inputs)) + (doubts_about_labels(rows, label_column) if label_column else [])
    for doubt in found:
        print_once(f"warning: {doubt}")
    return found


def doubts_about_labels(rows: Rows, column: str) -> list[str]:
    """Return doubts about the first labels: that there are none, a single one, or a different one in each row."""
    kind = None if rows.wanted is None else pa.schema([rows.wanted.field(column)])
    labels: list[Any] = []
    read = 0
    for block in unshuffled_blocks(replace(rows, wanted=kind)):
        read += len(block.rows)
        try:
            labels += [
                label for value in block.table.column(column).to_pylist() if (label := label_of(value)) is not None
            ]
        except NoLabelsError as error:
            return [f"column '{column}': {error}"]
        if read >= LOOKED_AT:
            break
    different = set(labels)
    where = f"label column '{column}'"
    if not labels:
        return [
            f"{where} is empty in the first {read:,} rows (empty, NaN or -1), so nothing can be measured against it"
        ]
    if len(different) == 1:
        return [
            f"{where} holds one value ({labels[0]}) in the first {read:,} rows, so nothing can be measured against it"
        ]
    if len(labels) >= ENOUGH and len(different) == len(labels):
        return [f"{where} holds another value in each of the first {read:,} rows, so it may be no label"]
    return []
