"""Built-in data sets, made on first use and kept as Parquet in the cache of `datasets`."""

import contextlib
import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hf_ssl.data import embedded_digits, embedded_docs, embedded_sentences
from hf_ssl.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

ROW_GROUP = 1000


@dataclass(frozen=True)
class Embedded:
    """A built-in data set.

    Attributes:
        files: split -> its Parquet file.
        revision: hash of its content.
        license: of its content.
        language: codes.
    """

    files: dict[str, str]
    revision: str
    license: str
    language: list[str]


@dataclass(frozen=True)
class _Recipe:
    make: "Callable[[], dict[str, Dataset]]"
    source: str  # a file: when it changes, the data are made anew
    packages: tuple[str, ...]  # and when one of these has another version
    license: str
    language: tuple[str, ...] = ()


RECIPES = {
    # Texts have the licence of the package they come from.
    "docs": _Recipe(embedded_docs.make, embedded_docs.__file__, embedded_docs.DISTRIBUTIONS, "other", ("en",)),
    "digits": _Recipe(embedded_digits.cluttered, embedded_digits.__file__, ("scikit-learn", "pillow"), "cc-by-4.0"),
    "digits_plain": _Recipe(embedded_digits.plain, embedded_digits.__file__, ("scikit-learn", "pillow"), "cc-by-4.0"),
    "sentences": _Recipe(embedded_sentences.make, embedded_sentences.__file__, (), "apache-2.0", ("en",)),
}


def embedded_file(name: str) -> Embedded:
    """The Parquet file of a built-in data set.

    Raises:
        UserError: if there is no data set of that name, or the cache cannot be written.
    """
    from datasets import config

    if name not in RECIPES:
        known = ", ".join(f"embedded:{known}" for known in RECIPES)
        raise UserError(f"there is no built-in data set 'embedded:{name}'; there are {known}")
    recipe = RECIPES[name]
    folder = Path(config.HF_DATASETS_CACHE) / "hf_ssl"
    versions = [platform.python_version(), *map(version, recipe.packages)]
    sources = [Path(recipe.source).read_text(), Path(__file__).read_text()]
    key = hashlib.sha256(str([sources, versions]).encode()).hexdigest()[:12]
    known_folders = list(folder.glob(f"{name}-{key}-*"))
    path = known_folders[0] if known_folders else _write(recipe.make(), folder, f"{name}-{key}")
    files = {file.stem: str(file) for file in sorted(path.iterdir(), reverse=True)}  # train, test
    return Embedded(files, path.name.split("-")[-1], recipe.license, list(recipe.language))


def _write(splits: "dict[str, Dataset]", folder: Path, name: str) -> Path:
    import pyarrow.parquet

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
