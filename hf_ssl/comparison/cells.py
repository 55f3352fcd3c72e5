"""What was computed once is kept: a cell of a comparison is a file, named by all that it depends on."""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

import hf_ssl
from hf_ssl.training.run_folder import replace_folder

PACKAGES = ("torch", "transformers", "scikit-learn", "numpy", "tokenizers")
Computed = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Cell:
    """One part of a comparison.

    Attributes:
        figures: JSON.
        arrays: named arrays: features, clusters, which rows were labelled rightly.
        cpu_seconds: that it took, whenever that was.
    """

    figures: dict[str, Any]
    arrays: dict[str, np.ndarray]
    cpu_seconds: float


@dataclass
class Cells:
    """A folder of cells. A cell is there whole or not at all; one that does not read back is computed again.

    Attributes:
        folder: of the comparison.
        common: what every cell depends on: data, rows, seed.
        used: names of the cells that this comparison has asked for.
    """

    folder: Path
    common: dict[str, Any]
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.common = self.common | {"versions": {name: version(name) for name in PACKAGES}, "library": library_hash()}

    def __call__(self, name: str, depends: dict[str, Any], compute: Callable[[], Computed]) -> Cell:
        """Read a cell, or compute and keep it.

        Args:
            name: what it is, for people.
            depends: JSON: what it depends on, beside ``common``.
            compute: returns figures and arrays.
        """
        key = hashlib.sha256(json.dumps([self.common, name, depends], sort_keys=True).encode()).hexdigest()[:16]
        path = self.folder / f"{name}-{key}"
        self.used.add(path.name)
        if path.exists():
            try:
                return _read(path)
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                print(f"{path} does not read back ({type(error).__name__}): computed again", file=sys.stderr)
        begun = time.process_time()
        figures, arrays = compute()
        seconds = round(time.process_time() - begun, 1)
        self.folder.mkdir(parents=True, exist_ok=True)
        with replace_folder(path) as temporary:
            save_file(
                {key: np.ascontiguousarray(array) for key, array in arrays.items()}, temporary / "arrays.safetensors"
            )
            content = {"depends": depends, "cpu_seconds": seconds, "figures": figures}
            (temporary / "cell.json").write_text(json.dumps(content, indent=1))
        return _read(path)


def _read(path: Path) -> Cell:
    content = json.loads((path / "cell.json").read_text())
    return Cell(content["figures"], load_file(path / "arrays.safetensors"), content["cpu_seconds"])


def library_hash() -> str:
    """A hash of this library's own files: with other code a cell may be another one."""
    root = Path(hf_ssl.__file__).parent
    content = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        content.update(file.read_bytes())
    return content.hexdigest()[:16]
