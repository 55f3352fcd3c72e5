"""Checkpoints that a killed process cannot half-write and a damaged disk cannot pass off as whole.

A checkpoint is written into a temporary folder, the manifest of SHA-256 sums last; every file is synced, the folder renamed and
its parent synced. An older one is deleted only after the new one was read back. Tensors are safetensors, the rest is JSON.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hf_ssl.errors import UserError

KEPT = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read back whole.

    Attributes:
        path: its folder.
        state: JSON: step, positions, counters.
    """

    path: Path
    state: dict[str, Any]

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors of one safetensors file."""
        return load_file(self.path / f"{name}.safetensors")


def save_checkpoint(root: Path, state: dict[str, Any], tensors: dict[str, dict[str, Tensor]]) -> Path:
    """Write ``root/step_XXXXXXXX`` and delete all but the newest two.

    Args:
        root: folder of checkpoints.
        state: JSON, with "step".
        tensors: a safetensors file each.

    Raises:
        UserError: if it cannot be written; what was there before is left as it was.
    """
    path = root / f"step_{state['step']:08d}"
    if path.exists() and not damage(path):
        return path
    temporary = root / f".writing_{path.name}"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        sync(root.parent)
        for name, content in tensors.items():
            save_file({key: tensor.contiguous() for key, tensor in content.items()}, temporary / f"{name}.safetensors")
        (temporary / "state.json").write_text(json.dumps(state))
        names = sorted(file.name for file in temporary.iterdir())
        manifest = {
            name: {"size": (temporary / name).stat().st_size, "sha256": _sha256(temporary / name)} for name in names
        }
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1))
        for name in [*names, MANIFEST, "."]:
            sync(temporary / name)
        if path.exists():
            _move_aside(path)
        temporary.rename(path)
        sync(root)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _cannot_write(path, error, tensors) from error
    problem = damage(path)
    if problem:
        raise UserError(f"the checkpoint just written to {path} does not read back ({problem}); check the disk")
    for old in _all(root)[:-KEPT]:
        shutil.rmtree(old)
    return path


def model_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and kept buffers, each once: tied weights share a tensor."""
    yield from model.named_parameters()
    kept = model.state_dict()
    yield from ((name, buffer) for name, buffer in model.named_buffers() if name in kept)


def newest_checkpoint(root: Path) -> Checkpoint | None:
    """The newest whole checkpoint, or None if there never was one; damaged ones are named and moved aside.

    Raises:
        UserError: if there are checkpoints, but none is whole.
    """
    for leftover in root.glob(".writing_*"):
        shutil.rmtree(leftover)
    for path in reversed(_all(root)):
        problem = damage(path)
        if not problem:
            return Checkpoint(path, json.loads((path / "state.json").read_text()))
        aside = _move_aside(path)
        print(f"checkpoint {path} is damaged ({problem}); moved aside to {aside}", file=sys.stderr)
    if any(root.glob("damaged_*")):
        raise UserError(f"no checkpoint in {root} is whole; to train from the start, choose another --output_dir")
    return None


def damage(path: Path) -> str | None:
    """What is wrong with a checkpoint, or None."""
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        for name, expected in manifest.items():
            if (path / name).stat().st_size != expected["size"]:
                return f"{name} has {(path / name).stat().st_size} bytes instead of {expected['size']}"
            if _sha256(path / name) != expected["sha256"]:
                return f"{name} does not match its SHA-256 sum"
        return None if "state.json" in manifest else "state.json is not in the manifest"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except OSError as error:
        return f"it cannot be read: {error}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is not readable"


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _all(root: Path) -> list[Path]:
    return sorted(root.glob("step_*"))


def _move_aside(path: Path) -> Path:
    number = 0
    while (aside := path.with_name(f"damaged_{path.name}" + (f".{number}" if number else ""))).exists():
        number += 1
    path.rename(aside)
    return aside


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cannot_write(path: Path, error: Exception, tensors: dict[str, dict[str, Tensor]]) -> UserError:
    needed = sum(tensor.nbytes for content in tensors.values() for tensor in content.values())
    free = shutil.disk_usage(path.parent if path.parent.exists() else path.parent.parent).free
    return UserError(
        f"cannot write the checkpoint {path} ({' '.join(str(error).split())}): it needs {needed / 2**20:.0f} MiB, "
        f"{free / 2**20:.0f} MiB are free; make room and run the same command to go on"
    )
