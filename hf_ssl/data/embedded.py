"""Built-in data that need no network: prose and docstrings of the installed Python and its packages."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from hf_ssl.errors import UserError

PACKAGES = ("python", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "torch", "transformers")
MOST_DOCUMENTS = 4000  # of one package
FEWEST_WORDS = 8
ROW_GROUP = 1000
NOT_PROSE = {"test", "tests", "testing", "_vendor", "site-packages", "idlelib", "lib2to3"}


def embedded_file(name: str) -> tuple[Path, str]:
    """The Parquet file of a built-in data set, made on first use, and its content hash.

    ``docs`` has the columns ``text`` (a docstring or a help topic of at least 8 words) and ``label`` (the package it
    comes from). It is read from the installed packages, so its content, and with it the hash, follows their versions.

    Raises:
        UserError: if there is no data set of that name, or the cache cannot be written.
    """
    from datasets import config

    if name != "docs":
        raise UserError(f"there is no built-in data set 'embedded:{name}'; there is embedded:docs")
    folder = Path(config.HF_DATASETS_CACHE) / "hf_ssl"
    versions = [importlib.metadata.version(_distribution(p)) for p in PACKAGES[1:]]
    recipe = hashlib.sha256(
        str([Path(__file__).read_text(), platform.python_version(), versions]).encode()
    ).hexdigest()[:12]
    known = list(folder.glob(f"docs-{recipe}-*.parquet"))
    path = known[0] if known else _write(folder, recipe)
    return path, path.stem.split("-")[-1]


def _distribution(package: str) -> str:
    return "scikit-learn" if package == "sklearn" else package


def _write(folder: Path, recipe: str) -> Path:
    import pyarrow as pa
    import pyarrow.parquet
    from datasets import ClassLabel, Features, Value

    documents = sorted(set(_documents()), key=lambda row: hashlib.sha256(row[0].encode()).digest())
    content = hashlib.sha256(repr(documents).encode()).hexdigest()[:40]
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(PACKAGES))})
    columns = {"text": [text for text, _ in documents], "label": [PACKAGES.index(package) for _, package in documents]}
    path = folder / f"docs-{recipe}-{content}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            pyarrow.parquet.write_table(
                pa.table(columns, schema=features.arrow_schema),
                file,
                row_group_size=ROW_GROUP,
                write_page_checksum=True,
            )
        os.replace(file.name, path)
    except OSError as error:
        raise UserError(f"cannot write the built-in data set to {folder}: {error.strerror}; set HF_HOME") from error
    return path


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
        root = Path(str(importlib.util.find_spec(package).origin)).parent  # type: ignore[union-attr]
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
