"""Outside its own folder no file names a modality, takes anything from it or asks which one it is given."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import hf_ssl
from hf_ssl.modalities.flags import ModalityFlags
from hf_ssl.modalities.known import MODALITIES, flags_of

PACKAGE = Path(hf_ssl.__file__).parent
TASKS = "pretext"  # a task may name the modalities that it goes with, and take from them

# File, what it names -> why it may.
ALLOWED = {
    ("demo/demo.py", "text"): "some questions of the public API bear the name of a modality: place_text, text_row",
    ("demo/demo.py", "images"): "likewise: place_image, image_row",
    ("demo/difference.py", "hf_ssl.modalities.text.for_people"): "the third tab shows a pangram with a missing word",
    ("data/formats.py", "text"): "the column of texts in files that name no columns",
    ("data/embedded_docs.py", "text"): "the column of a built-in data set",
    ("comparison/report.py", "text"): "what every modality may say of a row: Modality.shown, Modality.excerpt",
}


def own_flags() -> set[str]:
    """The flags that one modality has, or its views, and that not all of them have."""
    shared = {each.name for each in dataclasses.fields(ModalityFlags)}
    kinds = [kind for name in MODALITIES for kind in flags_of(name)]
    return {each.name for kind in kinds for each in dataclasses.fields(kind)} - shared


def named_in(tree: ast.AST, words: set[str]) -> set[str]:
    """What a file knows of modalities: their names and flags as words, their flags as attributes, their modules."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in words:
            found.add(str(node.value))
        elif isinstance(node, ast.Attribute) and node.attr in words - set(MODALITIES):
            found.add(f".{node.attr}")
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [each.name for each in node.names]
            if isinstance(node, ast.ImportFrom):
                modules = [str(node.module), *(f"{node.module}.{name}" for name in modules)]
            packages = tuple(f"{package}." for package in MODALITIES.values())
            found |= {name for name in modules[:1] if f"{name}.".startswith(packages)}
            found |= {name for name in modules[1:] if name in MODALITIES.values()}
    return found


def test_no_other_file_knows_any_modality():
    words = {*MODALITIES, *own_flags()}
    assert "image_size" in words
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.parts[0] not in ("modalities", TASKS):
            found |= {(place.as_posix(), name) for name in named_in(ast.parse(path.read_text()), words)}
    assert found - set(ALLOWED) == set()
    assert set(ALLOWED) - found == set()  # no reason outlives what it excuses


def test_a_file_that_does_is_found():
    words = {*MODALITIES, *own_flags()}
    for text, name in {
        "kind = 'images' if modality.name == 'images' else None": "images",
        "size = modality.image_size": ".image_size",
        "size = getattr(modality, 'sequence_length', 0)": "sequence_length",
        "from hf_ssl.modalities.text.static import StaticModel": "hf_ssl.modalities.text.static",
        "from hf_ssl.modalities import images": "hf_ssl.modalities.images",
        "import hf_ssl.modalities.images.views": "hf_ssl.modalities.images.views",
    }.items():
        assert named_in(ast.parse(text), words) == {name}
    assert named_in(ast.parse("'''Of images.'''\nfrom hf_ssl.modalities.base import Modality"), words) == set()


def test_tasks_take_from_the_modality_that_they_name():
    for path in sorted((PACKAGE / TASKS).rglob("*.py")):
        tree = ast.parse(path.read_text())
        named = {name for name in named_in(tree, set(MODALITIES)) if name in MODALITIES}
        taken = {name for name in named_in(tree, set()) if name.startswith(PACKAGE.name)}
        assert {name.split(".")[2] for name in taken} <= named, path
