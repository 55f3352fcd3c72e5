"""What was computed for the same rows and models once is not computed again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import constants
from safetensors import SafetensorError

from hf_ssl.common.errors import UserError
from hf_ssl.common.writing import writing
from hf_ssl.demo.index import Index
from hf_ssl.demo.panel import Panel
from hf_ssl.demo.points import Features
from hf_ssl.demo.shown_rows import ShownRows
from hf_ssl.evaluation.cells import PACKAGES, library_hash
from hf_ssl.evaluation.measured_rows import Labelled, content_hash


def cache_folder(rows: ShownRows, identities: Sequence[str]) -> Path:
    """Return where an index of these rows and models is kept: other rows, models or versions have another folder.

    Args:
        rows: that are shown, with their bank.
        identities: of the models, in their order.
    """
    content = content_hash(rows.modality, [Labelled(rows.inputs, rows.labels), rows.bank])
    versions = {name: version(name) for name in PACKAGES}
    depends = [content, rows.modality.name, rows.dataset, rows.names, list(identities), versions, library_hash()]
    key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:24]
    return Path(constants.HF_HOME) / "hf_ssl" / "demo" / key


def cached_index(rows: ShownRows, features: Sequence[Features], folder: Path) -> Index:
    """Return the index in the folder, or an empty one where there is none that reads back."""
    if folder.exists():
        try:
            return Index.load(folder, rows.modality, features)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            print(f"{folder} does not read back ({type(error).__name__}): computed again", file=sys.stderr)
            shutil.rmtree(folder)
    return Index(rows, features)


def compute_ahead(panels: Collection[Panel]) -> None:
    """Compute what may be asked for before it is, the most likely first, and keep it for the next time."""
    try:
        for panel in panels:
            panel.index.prepare()
        for panel in panels:
            panel.index.complete()
            if panel.kept is not None:
                keep(panel.index, panel.kept)
    except UserError as error:
        print(f"not everything could be computed ahead: {error}", file=sys.stderr)


def keep(index: Index, folder: Path) -> None:
    """Write a complete index, or leave the one that is there.

    Raises:
        UserError: if it cannot be written.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            index.save(Path(temporary) / "index")
            with contextlib.suppress(FileExistsError):
                if not folder.exists():  # another process may have been faster
                    (Path(temporary) / "index").rename(folder)
