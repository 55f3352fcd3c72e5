"""What a data set states about itself: licence, languages, names of labels, types of columns."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Self

import pyarrow as pa
from huggingface_hub import DatasetCardData


@dataclass(frozen=True)
class Stated:
    """The metadata of a data set card.

    Attributes:
        license: licence.
        language: language codes.
        columns: column -> its type, as "dataset_info" states it.
    """

    license: str | None = None
    language: list[str] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, card: DatasetCardData | None) -> Self:
        """Read a card, in which licence and language may be a single value or a list."""
        if card is None:
            return cls()
        licence = ", ".join(card.license) if isinstance(card.license, list) else card.license
        languages = [card.language] if isinstance(card.language, str) else [str(code) for code in card.language or []]
        return cls(licence, languages, _columns(getattr(card, "dataset_info", None)))

    def label_names(self) -> dict[str, list[str]]:
        """Return the names of the labels of each column that has them."""
        stated = {column: kind["class_label"].get("names") for column, kind in self._classes().items()}
        named = {column: list(names.values()) if isinstance(names, dict) else names for column, names in stated.items()}
        return {column: [str(name) for name in names] for column, names in named.items() if isinstance(names, list)}

    def doubts(self, schema: pa.Schema) -> list[str]:
        """Return a sentence for each column whose stated type is not that of the files, which are believed."""
        found = []
        for column, kind in self.columns.items():
            place = schema.get_field_index(column)
            if place < 0:
                found.append(f"README.md states a column '{column}', which the files do not have")
            elif isinstance(kind, str) and _family(kind) != _family(str(schema.field(place).type)):
                held = schema.field(place).type
                found.append(f"README.md states that column '{column}' holds {kind}, but the files hold {held}")
        return found

    def _classes(self) -> dict[str, Any]:
        return {
            column: kind for column, kind in self.columns.items() if isinstance(kind, dict) and "class_label" in kind
        }


def label_names_in(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of the labels that `datasets` wrote into the metadata of a Parquet or Arrow schema."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):  # written by something else
        return {}
    classes = {column: kind for column, kind in features.items() if isinstance(kind, dict)}
    return {column: list(kind["names"]) for column, kind in classes.items() if kind.get("_type") == "ClassLabel"}


def _columns(information: Any) -> dict[str, Any]:
    """Return the columns of "dataset_info", which may be a list of configurations: those that all of them state alike."""
    several = information if isinstance(information, list) else [information]
    stated = [
        {str(column["name"]): column.get("dtype") for column in each.get("features") or [] if "name" in column}
        for each in several
        if isinstance(each, dict)
    ]
    return (
        {name: kind for name, kind in stated[0].items() if all(other.get(name) == kind for other in stated)}
        if stated
        else {}
    )


def _family(kind: str) -> str:
    """Return numbers of all sizes, and strings of all sizes, as one."""
    for family in ("string", "int", "float", "bool", "binary"):
        if family in kind:
            return "string" if family == "string" else family
    return "float" if kind == "double" else kind
