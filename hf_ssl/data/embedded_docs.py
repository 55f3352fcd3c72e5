"""Built-in text that needs no network: prose and docstrings of the installed Python and its packages."""

import ast
import hashlib
import importlib.util
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

PACKAGES = ("python", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "torch", "transformers")
DISTRIBUTIONS = ("numpy", "scipy", "scikit-learn", "pandas", "matplotlib", "torch", "transformers")
MOST_DOCUMENTS = 4000  # of one package
FEWEST_WORDS = 8
NOT_PROSE = {"test", "tests", "testing", "_vendor", "site-packages", "idlelib", "lib2to3"}


def make() -> "dict[str, Dataset]":
    """Columns ``text`` (a docstring or a help topic of at least 8 words) and ``label`` (the package it comes from).

    It is read from the installed packages, so its content follows their versions.
    """
    from datasets import ClassLabel, Dataset, Features, Value

    documents = sorted(set(_documents()), key=lambda row: hashlib.sha256(row[0].encode()).digest())
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(PACKAGES))})
    columns = {"text": [text for text, _ in documents], "label": [PACKAGES.index(package) for _, package in documents]}
    return {"train": Dataset.from_dict(columns, features)}


def _documents() -> Iterator[tuple[str, str]]:
    """(text, package), without repetitions: what differs in nothing but letter case and punctuation counts once."""
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
    """Docstrings out of source files, which are parsed but never run; for Python itself its help topics too."""
    if package == "python":
        from pydoc_data import topics

        yield from topics.topics.values()
        root = Path(sysconfig.get_paths()["stdlib"])
    else:
        root = Path(str(importlib.util.find_spec(package).origin)).parent  # type: ignore[union-attr] # it is installed
    files = [file for file in root.rglob("*.py") if not NOT_PROSE & set(file.relative_to(root).parts)]
    # In the order of a hash, so that the first thousands come from all over a large package.
    for file in sorted(files, key=lambda file: hashlib.sha256(file.relative_to(root).as_posix().encode()).digest()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of invalid escapes in other people's sources
                tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):  # test inputs and templates that are no Python
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""
