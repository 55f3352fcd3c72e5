"""Built-in data sets, generated on first use and cached as Parquet in the `datasets` cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet
from datasets import Dataset, config

from hf_ssl.common.errors import UserError
from hf_ssl.data import embedded_digits, embedded_docs
from hf_ssl.data.arguments import DataArguments

PREFIX = "embedded:"  # prefix of the names of built-in data sets
ROW_GROUP = 1000


@dataclass(frozen=True)
class Embedded:
    """A built-in data set.

    Attributes:
        files: split -> its Parquet file.
        revision: hash of the content.
        license: licence of the content.
        language: language codes.
    """

    files: dict[str, str]
    revision: str
    license: str
    language: list[str]


@dataclass(frozen=True)
class _Recipe:
    make: Callable[[], dict[str, Dataset]]
    source: str  # a file: when it changes, the data are rebuilt
    packages: tuple[str, ...]  # likewise, when the version of one of these changes
    license: str
    language: tuple[str, ...] = ()
    has_test: bool = False  # a separate test split


RECIPES = {
    # Texts have the licence of the package they come from.
    "docs": _Recipe(embedded_docs.make, embedded_docs.__file__, embedded_docs.DISTRIBUTIONS, "other", ("en",)),
    "digits": _Recipe(
        embedded_digits.cluttered, embedded_digits.__file__, ("scikit-learn", "pillow"), "cc-by-4.0", has_test=True
    ),
    "digits_plain": _Recipe(
        embedded_digits.plain, embedded_digits.__file__, ("scikit-learn", "pillow"), "cc-by-4.0", has_test=True
    ),
    "sentences": _Recipe(embedded_docs.six_sentences, embedded_docs.__file__, (), "apache-2.0", ("en",)),
}


def settle(arguments: DataArguments, usual: str) -> DataArguments:
    """Fill in the built-in data set ``usual`` if none was named, and the test split of a built-in data set that has one."""
    name = f"{PREFIX}{usual}" if arguments.dataset_name == "embedded" else arguments.dataset_name
    recipe = RECIPES.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    split = arguments.eval_split or ("test" if recipe and recipe.has_test else None)
    return replace(arguments, dataset_name=name, eval_split=split)


def embedded_file(name: str) -> Embedded:
    """Return a built-in data set, generating its Parquet files if needed.

    Raises:
        UserError: if there is no data set of that name, or the cache cannot be written.
    """
    if name not in RECIPES:
        known = ", ".join(f"{PREFIX}{known}" for known in RECIPES)
        raise UserError(f"there is no built-in data set '{PREFIX}{name}'; choose one of {known}")
    recipe = RECIPES[name]
    folder = Path(config.HF_DATASETS_CACHE) / "hf_ssl"
    versions = [platform.python_version(), *map(version, recipe.packages)]
    sources = [Path(recipe.source).read_text(encoding="utf-8"), Path(__file__).read_text(encoding="utf-8")]
    key = hashlib.sha256(str([sources, versions]).encode()).hexdigest()[:12]
    known_folders = list(folder.glob(f"{name}-{key}-*"))
    path = known_folders[0] if known_folders else _write(recipe.make(), folder, f"{name}-{key}")
    files = {file.stem: str(file) for file in sorted(path.iterdir(), reverse=True)}  # train, test
    return Embedded(files, path.name.split("-")[-1], recipe.license, list(recipe.language))


def _write(splits: dict[str, Dataset], folder: Path, name: str) -> Path:

    content = hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            made = Path(temporary) / "made"
            made.mkdir()
            for split, dataset in splits.items():
                table = dataset.with_format("arrow")[:].cast(dataset.features.arrow_schema)
                content.update(repr(table.to_pylist()).encode())
                pyarrow.parquet.write_table(
                    table, made / f"{split}.parquet", row_group_size=ROW_GROUP, write_page_checksum=True
                )
            path = folder / f"{name}-{content.hexdigest()[:40]}"
            if not path.exists():  # another process may have been faster
                with contextlib.suppress(FileExistsError):
                    os.rename(made, path)
    except OSError as error:
        raise UserError(f"cannot write the built-in data set to {folder}: {error.strerror}; set HF_HOME") from error
    return path
