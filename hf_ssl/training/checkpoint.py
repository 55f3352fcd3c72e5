"""Crash-safe checkpoints with verified checksums.

A checkpoint is written to a temporary folder, the SHA-256 manifest last; files are synced, the folder renamed, its parent
synced. Older checkpoints are deleted only after the new one is verified. Tensors are safetensors, the rest is JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hf_ssl.common.errors import UserError

KEPT = 2
MANIFEST = "manifest.json"


@dataclass
class Progress:
    """Training progress, saved with each checkpoint.

    Attributes:
        step: optimizer steps done.
        units: tokens (or images) seen, over all processes.
        unit: name of the unit, in the plural.
        cpu_seconds: CPU time of training without evaluation, over all processes.
        wall_seconds: wall time of training without evaluation.
        positions: position in each partition of the stream after the last trained batch.
    """

    step: int = 0
    units: int = 0
    unit: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    positions: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint.

    Attributes:
        path: its folder.
        state: step, positions and counters, as JSON.
    """

    path: Path
    state: dict[str, Any]

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Load the tensors of one safetensors file."""
        return load_file(self.path / f"{name}.safetensors")


def save_checkpoint(root: Path, state: dict[str, Any], tensors: dict[str, dict[str, Tensor]]) -> Path:
    """Write ``root/step_<number>`` and delete all but the newest two.

    Args:
        root: folder of checkpoints.
        state: JSON, including "step".
        tensors: name of a safetensors file -> its tensors.

    Raises:
        UserError: if it cannot be written; existing checkpoints stay intact.
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
        (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
        names = sorted(file.name for file in temporary.iterdir())
        manifest = {
            name: {"size": (temporary / name).stat().st_size, "sha256": _sha256(temporary / name)} for name in names
        }
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
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
        raise UserError(f"the checkpoint just written to {path} is damaged ({problem}); check the disk")
    for old in _all(root)[:-KEPT]:
        shutil.rmtree(old)
    return path


def model_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield parameters and persistent buffers, each once: tied weights share a tensor."""
    yield from model.named_parameters()
    kept = model.state_dict()
    yield from ((name, buffer) for name, buffer in model.named_buffers() if name in kept)


def newest_checkpoint(root: Path) -> Checkpoint | None:
    """Return the newest intact checkpoint, or None if there never was one; report damaged ones and move them aside.

    Raises:
        UserError: if there are checkpoints, but none is intact.
    """
    for leftover in root.glob(".writing_*"):
        shutil.rmtree(leftover)
    for path in reversed(_all(root)):
        problem = damage(path)
        if not problem:
            return Checkpoint(path, json.loads((path / "state.json").read_text(encoding="utf-8")))
        aside = _move_aside(path)
        print(f"checkpoint {path} is damaged ({problem}); moved aside to {aside}", file=sys.stderr)
    if any(root.glob("damaged_*")):
        raise UserError(f"no checkpoint in {root} is intact; to train from the start, choose another --output_dir")
    return None


def damage(path: Path) -> str | None:
    """Return what is wrong with a checkpoint, or None."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
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
        f"{free / 2**20:.0f} MiB are free; free some space and rerun the same command to resume"
    )
