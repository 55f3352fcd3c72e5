"""Metadata of a card that its owner wrote, which every publication keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from hf_ssl.common.errors import UserError, in_one_line

HEADER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*\r?(\n|\Z)", re.S)
FACTS = ("library_name", "pipeline_tag")  # of the model: they decide how it is loaded
LISTS = ("tags", "datasets", "language", "base_model")
INDEX = "model-index"
LICENSES = ("license", "license_name", "license_link")  # belong together
Metadata = dict[str, Any]


def metadata_in(card: str, where: str) -> Metadata:
    """Return the metadata of a card.

    Args:
        card: text of the card.
        where: its place, for the message.

    Raises:
        UserError: if it has metadata that cannot be read.
    """
    header = HEADER.match(card)
    try:
        found = yaml.safe_load(header.group(1)) if header else None
    except yaml.YAMLError as error:
        raise UserError(
            f"the metadata of the card of {where} are no YAML ({in_one_line(error)}) and would be lost; mend them"
        ) from error
    if not isinstance(found, dict | None):
        raise UserError(f"the metadata of the card of {where} name no values and would be lost; mend them")
    return found or {}


def merge_metadata(theirs: Metadata, before: Metadata, ours: Metadata, license_name: str | None = None) -> Metadata:
    """Return metadata for a card: what we write, with all that its owner wrote or changed.

    Args:
        theirs: metadata of the present card.
        before: what we wrote there last; empty if nothing.
        ours: what we write now.
        license_name: licence that was asked for; None keeps the present one.
    """
    merged: Metadata = {}
    for key in [*theirs, *(key for key in ours if key not in theirs)]:
        value = _merged(key, theirs, before, ours)
        if value not in (None, []):
            merged[key] = value
    if license_name is not None:
        merged = {key: value for key, value in merged.items() if key not in LICENSES} | licence(license_name)
    return merged


def licence(name: str) -> Metadata:
    """Return the metadata of a licence: an identifier, or "other", which the Hub takes with a name beside it."""
    if re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
        return {"license": name}
    return {"license": "other", "license_name": name}


def _merged(key: str, theirs: Metadata, before: Metadata, ours: Metadata) -> Any:
    if key == INDEX:
        written = {entry["name"] for entry in [*before.get(key, []), *ours.get(key, [])]}
        return [entry for entry in _listed(theirs.get(key)) if _name(entry) not in written] + ours.get(key, [])
    if key in LISTS:
        return _joined(key, theirs, before, ours)
    if key in LICENSES and "license" in theirs and theirs.get("license") != before.get("license"):
        return theirs.get(key)  # the owner chose another one
    if key not in theirs:
        return None if key in before else ours[key]  # what the owner removed stays away
    if theirs[key] == before.get(key):
        return ours.get(key)
    return ours[key] if key in FACTS and key in ours and not before else theirs[key]


def _joined(key: str, theirs: Metadata, before: Metadata, ours: Metadata) -> Any:
    """Return the owner's values and ours; a single value stays one."""
    mine, written = _listed(ours.get(key)), _listed(before.get(key))
    kept = [value for value in _listed(theirs.get(key)) if value not in written or value in mine]
    removed = [value for value in written if value not in _listed(theirs.get(key))] if theirs else []
    joined = kept + [value for value in mine if value not in kept and value not in removed]
    owner_chose = key == "language" and any(value not in written for value in kept)
    joined = kept if owner_chose else joined
    single = not any(isinstance(part.get(key), list) for part in (theirs, ours))
    return joined[0] if single and len(joined) == 1 else joined


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | dict) else [value]


def _name(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, dict) else None
