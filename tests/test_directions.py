"""The house: arrows run downwards only and in no circle."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hf_ssl"

# From the ground up. A room (a folder of the package) may import from floors below its own, and from itself.
FLOORS = (
    ("common",),
    ("data", "unsupervised"),
    ("modalities",),
    ("pretext",),
    ("training",),
    ("evaluation",),
    ("runs",),
    ("comparison", "hub"),
    ("demo",),
)
MOST_LATE_IMPORTS = 40  # inside functions, of all files together


@dataclass(frozen=True)
class Import:
    """One imported module of the package.

    Attributes:
        source: module that imports.
        target: module that is imported.
        line: of the file.
        late: inside a function.
        typing: for type checkers only.
    """

    source: str
    target: str
    line: int
    late: bool
    typing: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path, root: Path = ROOT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in files()}
TREES = {module: ast.parse(path.read_text()) for module, path in MODULES.items()}


def is_for_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    """Yield all imports of the package's own modules, wherever they stand."""

    def walk(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(module, each.name, child.lineno, late, typing) for each in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}:{child.lineno} imports relatively"
                for each in child.names:
                    whole = f"{child.module}.{each.name}"  # perhaps a module itself
                    target = whole if whole in MODULES else str(child.module)
                    yield Import(module, target, child.lineno, late, typing)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, late or inside, typing or is_for_typing(child))

    mine = PACKAGE.name
    yield from (each for each in walk(tree, False, False) if each.target == mine or each.target.startswith(f"{mine}."))


IMPORTS = [each for module, tree in TREES.items() for each in imports_of(module, tree)]


def room_of(module: str) -> str | None:
    """Return the folder below the package; None of the package itself, whose version everybody may ask for."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def climbing(imports: list[Import]) -> list[str]:
    """Return the imports that do not go down to a lower floor."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    found = []
    for each in imports:
        mine, other = room_of(each.source), room_of(each.target)
        if mine != other and other is not None and (mine is None or floor[other] >= floor[mine]):
            found.append(str(each))
    return found


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return some modules that import each other in a circle; none where there is no circle."""
    done: set[str] = set()
    for start in sorted(arrows):
        path: list[str] = []
        stack = [(start, iter(sorted(arrows.get(start, ()))))] if start not in done else []
        path = [start] if stack else []
        while stack:
            module, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(module)
                stack.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done:
                path.append(following)
                stack.append((following, iter(sorted(arrows.get(following, ())))))
    return []


def arrows_of(imports: list[Import]) -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = defaultdict(set)
    for each in imports:
        if not each.typing and each.source != each.target:
            arrows[each.source].add(each.target)
    return arrows


def test_every_room_has_its_floor():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and list(path.glob("*.py"))}
    assert rooms == {room for floor in FLOORS for room in floor}
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


def test_arrows_run_downwards():
    assert len(IMPORTS) > 400  # it looks at something
    assert climbing(IMPORTS) == []


@pytest.mark.parametrize(
    "text",
    [
        "from hf_ssl.training.loop import Training",
        "import hf_ssl.training.loop",
        "def late():\n    from hf_ssl.training import loop",
        "if TYPE_CHECKING:\n    from hf_ssl.training.loop import Training",
    ],
)
def test_an_arrow_upwards_is_found(text):
    made_up = list(imports_of("hf_ssl.modalities.text.documents", ast.parse(text)))
    (found,) = climbing(made_up)
    assert re.fullmatch(r"hf_ssl.modalities.text.documents:\d imports hf_ssl.training.loop", found)
    assert climbing([Import("hf_ssl.hub.access", "hf_ssl.comparison.entries", 1, False, False)])  # one floor, two rooms
    assert not climbing(list(imports_of("hf_ssl.runs.finish", ast.parse(text))))


def test_no_circles():
    assert circle(arrows_of(IMPORTS)) == []


def test_a_circle_is_found():
    back = Import("hf_ssl.common.errors", "hf_ssl.common.script", 1, False, False)
    assert set(circle(arrows_of([*IMPORTS, back]))) == {"hf_ssl.common.errors", "hf_ssl.common.script"}


def test_imports_stand_at_the_top():
    late = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert len(set(late)) <= MOST_LATE_IMPORTS, late
