"""Built-in text that needs no network: docstrings and help topics, and six sentences in two groups."""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.util
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from datasets import ClassLabel, Dataset, Features, Value

PACKAGES = ("python", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "torch", "transformers")
DISTRIBUTIONS = ("numpy", "scipy", "scikit-learn", "pandas", "matplotlib", "torch", "transformers")
MOST_DOCUMENTS = 4000  # of one package
FEWEST_WORDS = 8
BLOCKS = {"body", "handlers", "cases", "orelse", "finalbody"}  # fields of a node that hold statements
NOT_PROSE = {"test", "tests", "testing", "_vendor", "site-packages", "idlelib", "lib2to3"}


def make() -> dict[str, Dataset]:
    """Return the columns ``text`` (a docstring or help topic of at least 8 words) and ``label`` (its package).

    The text is read from the installed packages, so the content depends on their versions.
    """
    collecting = gc.isenabled()
    gc.disable()  # syntax trees are many objects without circles: half of the time went into looking for some
    try:
        documents = sorted(set(_documents()), key=lambda row: hashlib.sha256(row[0].encode()).digest())
    finally:
        if collecting:
            gc.enable()
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(PACKAGES))})
    columns = {"text": [text for text, _ in documents], "label": [PACKAGES.index(package) for _, package in documents]}
    return {"train": Dataset.from_dict(columns, features)}


def _documents() -> Iterator[tuple[str, str]]:
    """Yield (text, package) without duplicates, ignoring letter case and punctuation."""
    seen: set[str] = set()
    for package in PACKAGES:
        taken = 0
        for text in _docstrings(package):
            plain = re.sub(r"\W+", " ", text.lower())
            if plain not in seen and len(text.split()) >= FEWEST_WORDS:
                seen.add(plain)
                yield text, package
                taken += 1
            if taken == MOST_DOCUMENTS:
                break


def _docstrings(package: str) -> Iterator[str]:
    """Yield the docstrings of source files, which are parsed but never run; for Python, also its help topics."""
    if package == "python":
        from pydoc_data import topics

        yield from topics.topics.values()
        root = Path(sysconfig.get_paths()["stdlib"])
    else:
        root = Path(str(importlib.util.find_spec(package).origin)).parent  # type: ignore[union-attr] # it is installed
    files = [file for file in root.rglob("*.py") if not NOT_PROSE & set(file.relative_to(root).parts)]
    # Sorted by hash, so that the first few thousand cover all parts of a large package.
    for file in sorted(files, key=lambda file: hashlib.sha256(file.relative_to(root).as_posix().encode()).digest()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about invalid escapes in third-party sources
                tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):  # test inputs and templates that are not Python
            continue
        for node in _statements(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a module and its statements level by level, as `ast.walk` does, which takes ten times as long: it enters expressions."""
    level: list[ast.AST] = [tree]
    while level:
        yield from level
        level = [
            inner
            for node in level
            for name in node._fields
            if name in BLOCKS
            for inner in getattr(node, name)
            if isinstance(inner, ast.AST)
        ]


SENTENCES = (
    ("The quick brown fox jumps over the lazy", "fox"),
    ("A fast brown fox jumps over the lazy", "fox"),
    ("The quick brown dog runs under the active", "dog"),
    ("An energetic brown dog runs under the quick", "dog"),
    ("The quick brown fox jumps over the lazy", "fox"),
    ("A swift brown fox leaps over the lazy", "fox"),
)
GROUPS = ("fox", "dog")


def six_sentences() -> dict[str, Dataset]:
    """Return the columns ``text`` and ``label``: foxes that jump over something, and dogs that run under something."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(GROUPS))})
    columns = {
        "text": [text for text, _ in SENTENCES],
        "label": [GROUPS.index(group) for _, group in SENTENCES],
    }
    return {"train": Dataset.from_dict(columns, features)}
