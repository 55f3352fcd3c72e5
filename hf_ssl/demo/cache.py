"""What was computed for the same rows and models once is not computed again."""

import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import constants
from safetensors import SafetensorError

from hf_ssl.comparison.cells import PACKAGES, library_hash
from hf_ssl.demo.features import Features
from hf_ssl.demo.index import Index
from hf_ssl.demo.rows import ShownRows
from hf_ssl.training.run_folder import writing


def cache_folder(rows: ShownRows, identities: Sequence[str]) -> Path:
    """Where an index of these rows and models is kept: other rows, models or versions have another folder.

    Args:
        rows: that are shown, with their bank.
        identities: of the models, in their order.
    """
    content = hashlib.sha256()
    for values, labels in ((rows.inputs, rows.labels), (rows.bank.inputs, rows.bank.labels)):
        for value in values:
            content.update(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value.tobytes())
            content.update(b"\0")
        content.update(labels.tobytes())
    versions = {name: version(name) for name in PACKAGES}
    depends = [rows.kind, rows.dataset, rows.names, list(identities), versions, library_hash()]
    content.update(json.dumps(depends, sort_keys=True).encode())
    return Path(constants.HF_HOME) / "hf_ssl" / "demo" / content.hexdigest()[:24]


def cached_index(rows: ShownRows, features: Sequence[Features], folder: Path) -> Index:
    """The index in the folder, or an empty one where there is none that reads back."""
    if folder.exists():
        try:
            return Index.load(folder, features)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            print(f"{folder} does not read back ({type(error).__name__}): computed again", file=sys.stderr)
            shutil.rmtree(folder)
    return Index(rows, features)


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
