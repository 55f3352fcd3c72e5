"""Cache of what was measured: each part is a cell, a folder named by a hash of everything it depends on."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub.constants import HF_HOME
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

import hf_ssl
from hf_ssl.common.writing import replace_folder

# Beside the Hub's cache: measurements that several runs share.
SHARED = Path(HF_HOME) / "hf_ssl" / "measured"
PACKAGES = ("torch", "transformers", "scikit-learn", "numpy", "tokenizers")
Computed = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Cell:
    """One measured part.

    Attributes:
        figures: JSON.
        arrays: named arrays: features, clusters, predictions.
        cpu_seconds: CPU time of the original computation.
    """

    figures: dict[str, Any]
    arrays: dict[str, np.ndarray]
    cpu_seconds: float


@dataclass
class Cells:
    """A folder of cells. Cells are written atomically; unreadable ones are computed again.

    Attributes:
        folder: folder of the cells.
        common: what every cell depends on: data, rows, seed.
        used: names of the cells that were requested.
    """

    folder: Path
    common: dict[str, Any]
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.common = self.common | {"versions": {name: version(name) for name in PACKAGES}, "library": library_hash()}

    def __call__(self, name: str, depends: dict[str, Any], compute: Callable[[], Computed]) -> Cell:
        """Read a cell, or compute and store it.

        Args:
            name: readable name.
            depends: what it depends on besides ``common``, as JSON.
            compute: returns figures and arrays.
        """
        key = hashlib.sha256(json.dumps([self.common, name, depends], sort_keys=True).encode()).hexdigest()[:16]
        path = self.folder / f"{name}-{key}"
        self.used.add(path.name)
        if path.exists():
            try:
                return _read(path)
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                print(f"{path} cannot be read ({type(error).__name__}): computing it again", file=sys.stderr)
        begun = time.process_time()
        figures, arrays = compute()
        seconds = round(time.process_time() - begun, 1)
        self.folder.mkdir(parents=True, exist_ok=True)
        with replace_folder(path) as temporary:
            save_file(
                {key: np.ascontiguousarray(array) for key, array in arrays.items()}, temporary / "arrays.safetensors"
            )
            content = {"depends": depends, "cpu_seconds": seconds, "figures": figures}
            (temporary / "cell.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        return _read(path)


def shared_folder(otherwise: Path) -> Path:
    """Return the folder of measurements that several runs share; another one where that cannot be written."""
    try:
        SHARED.mkdir(parents=True, exist_ok=True)
    except OSError:
        return otherwise
    return SHARED if os.access(SHARED, os.W_OK) else otherwise


def _read(path: Path) -> Cell:
    content = json.loads((path / "cell.json").read_text(encoding="utf-8"))
    return Cell(content["figures"], load_file(path / "arrays.safetensors"), content["cpu_seconds"])


def library_hash() -> str:
    """Return a hash of this library's source files: other code may give other cells."""
    root = Path(hf_ssl.__file__).parent
    content = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        content.update(file.read_bytes())
    return content.hexdigest()[:16]
