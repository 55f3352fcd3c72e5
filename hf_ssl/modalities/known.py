"""The registry of modalities, and the choice of the modality for a data set."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any, get_type_hints

from hf_ssl.common.errors import UserError

if TYPE_CHECKING:  # these classes need torch, which would slow down --help
    import pyarrow as pa

    from hf_ssl.modalities.base import Modality
    from hf_ssl.modalities.flags import ModalityFlags, ViewFlags

# Name -> package. The first that recognises the columns of a data set is used; text is last, as it accepts any string.
MODALITIES = {
    "images": "hf_ssl.modalities.images",
    "text": "hf_ssl.modalities.text",
}


def flags_of(name: str) -> tuple[type[ModalityFlags], type[ViewFlags]]:
    """Return the flags of a modality and those of its views.

    Raises:
        UserError: if there is no such modality.
    """
    if name not in MODALITIES:
        raise UserError(f"there is no modality '{name}'; choose one of {', '.join(MODALITIES)}")
    package = importlib.import_module(MODALITIES[name])
    return package.FLAGS, package.VIEWS


def modality_class(name: str) -> type[Modality]:
    """Return the class of a modality.

    Raises:
        UserError: if there is no such modality.
    """
    flags_of(name)
    found: type[Modality] = importlib.import_module(f"{MODALITIES[name]}.modality").MODALITY
    return found


def reading_flags() -> type[Any]:
    """Return a dataclass of the flags of all modalities that control how rows are read."""
    fields: dict[str, tuple[str, Any, Any]] = {}
    for name in MODALITIES:
        flags, _ = flags_of(name)
        for each in dataclasses.fields(flags):
            if each.name in flags.reading:
                kind = get_type_hints(flags)[each.name]
                fields[each.name] = each.name, kind, dataclasses.field(default=each.default, metadata=each.metadata)
    choice = dataclasses.field(
        default=None,
        metadata={"help": f"Kind of data: {' or '.join(MODALITIES)}.", "default": "what the data set holds"},
    )
    made = dataclasses.make_dataclass("ReadingFlags", [("modality", str | None, choice), *fields.values()])
    made.__doc__ = "How rows are read."
    made._argument_group_name = "reading"  # type: ignore[attr-defined] # read by the parser
    return made


def chosen_by(given: set[str]) -> str | None:
    """Return the only modality that defines any of the given reading flags; None if there is not exactly one."""
    owners = [name for name in MODALITIES if given & set(flags_of(name)[0].reading)]
    return owners[0] if len(owners) == 1 else None


def settled_modality(reading: Any, table: pa.Table, dataset: str, label_column: str | None) -> Modality:
    """Return the modality that a data set is read as, with its columns resolved.

    Args:
        reading: an instance of `reading_flags`; a given flag that only one modality defines selects that modality.
        table: some rows.
        dataset: name of the data set.
        label_column: the column of labels, if any.

    Raises:
        UserError: if no modality can read it.
    """
    given = {each.name for each in dataclasses.fields(reading) if getattr(reading, each.name) != each.default}
    name = reading.modality or chosen_by(given) or recognise(table, dataset, label_column)
    own = {field: getattr(reading, field) for field in flags_of(name)[0].reading}
    return modality_class(name)(**own).for_columns(table, dataset, label_column)


def recognise(table: pa.Table, dataset: str, label_column: str | None) -> str:
    """Return the modality that matches the first rows of a data set.

    Args:
        table: some rows.
        dataset: name of the data set.
        label_column: the column of labels, if any, which is ignored: class names do not make rows texts.

    Raises:
        UserError: if no modality matches.
    """
    inputs = table.drop_columns([label_column]) if label_column else table
    for name in MODALITIES:
        if modality_class(name).recognises(inputs):
            return name
    columns = ", ".join(f"{part.name} ({part.type})" for part in table.schema)
    raise UserError(
        f"'{dataset}' has no column that any modality ({', '.join(MODALITIES)}) can read, but {columns}; name another data "
        "set, or a --modality and its column"
    )
