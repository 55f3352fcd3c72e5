"""Files are short, functions take few parameters, a name means one thing."""

from __future__ import annotations

import ast
import statistics
from collections import defaultdict

from test_directions import MODULES, PACKAGE, TREES, files

MOST_PARAMETERS = 5
USUAL_LINES, MOST_LINES = 110, 250

# Functions that may take more than five parameters: file and name -> why.
MANY_PARAMETERS: dict[str, str] = {}

# Files of different rooms that may have one name. Those of the modalities' folders are parallel, and are not counted.
PARALLEL = {"__init__.py", "arguments.py", "flags.py"}
SAME_FILE = {
    "base.py": "what a modality is, and what a task is: each room's first file",
}

# Public classes and functions that may have one name in several files: name -> why.
SAME_NAME = {
    "adopt": "parallel: each modality's answer to Modality.adopt",
    "encoder_model": "parallel: each modality's own",
    "two_crops": "parallel: each modality's own",
}


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the parameters that a caller names or counts: not self, not *several, not **options."""
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def test_a_function_takes_five_parameters_at_most():
    many = {
        f"{MODULES[module].relative_to(PACKAGE)}: {node.name}": len(parameters_of(node))
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and len(parameters_of(node)) > MOST_PARAMETERS
    }
    assert {name: count for name, count in many.items() if name not in MANY_PARAMETERS} == {}
    assert set(MANY_PARAMETERS) <= set(many)  # no reason outlives what it excuses


def test_annotations_are_not_evaluated():
    first = "from __future__ import annotations"
    bare = [module for module, path in MODULES.items() if first not in path.read_text().splitlines()]
    # A file with nothing but its docstring has nothing to annotate.
    assert [module for module in bare if len(TREES[module].body) > 1] == []


def test_files_are_short():
    lines = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    whole = [count for module, count in lines.items() if len(TREES[module].body) > 1]
    assert statistics.median(whole) <= USUAL_LINES
    assert {module: count for module, count in lines.items() if count > MOST_LINES} == {}


def test_a_file_name_means_one_thing():
    rooms = defaultdict(set)
    for path in files():
        if path.name not in PARALLEL:
            rooms[path.name].add(path.relative_to(PACKAGE).parts[0])
    several = {name: sorted(found) for name, found in rooms.items() if len(found) > 1}
    assert {name: found for name, found in several.items() if name not in SAME_FILE} == {}
    assert set(SAME_FILE) <= set(several)


def test_a_name_means_one_thing():
    places = defaultdict(set)
    for module, tree in TREES.items():
        for node in tree.body:
            named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            if named and not node.name.startswith("_"):
                places[node.name].add(module)
    several = {name: sorted(found) for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in several.items() if name not in SAME_NAME} == {}
    assert set(SAME_NAME) <= set(several)
