"""The run folder: the only thing that passes between stages, locked while a process works in it."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from hf_ssl.errors import UserError, in_one_line

# What may differ between a run and its resumption: it changes no sample and no mask. (Accumulation changes the last bits.)
FREE_TO_CHANGE = {
    "output_dir",
    "save_steps",
    "eval_steps",
    "tracker",
    "dataloader_num_workers",
    "changed_data",
    "read_timeout",
    "gradient_accumulation_steps",
}
MADE_FIRST = ("config.yaml", "run.json", "data.json", "processor", "checkpoints")  # before the first step


class RunFolder:
    """A folder that holds one run: config.yaml, run.json, data.json, log.jsonl, processor, checkpoints, model, results, card.

    As a context it holds a lock, which the system releases when the process ends in whatever way. What was made for a run
    that never got as far as training is removed again.
    """

    def __init__(self, path: Path, config: dict[str, Any], command: str = "") -> None:
        """Name the folder.

        Args:
            path: of the folder.
            config: all flags of the run, which its config.yaml records.
            command: that began it.
        """
        self.path = path
        self.config = config
        self._command = command
        self._exists = False
        self.checkpoints = path / "checkpoints"
        self.log = path / "log.jsonl"
        self.model = path / "model"
        self.processor = path / "processor"
        self.results = path / "results.json"
        self.card = path / "README.md"
        self.plots = path / "plots"
        self.cells = path / "cells"

    @classmethod
    def existing(cls, path: Path) -> Self:
        """The folder of a run that was begun.

        Raises:
            UserError: if there is none.
        """
        try:
            config = yaml.safe_load((path / "config.yaml").read_text())
            json.loads((path / "run.json").read_text())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UserError(f"{path} is not the folder of a run: it needs config.yaml and run.json") from error
        folder = cls(path, config)
        folder._exists = True
        return folder

    def record(self) -> dict[str, str]:
        """What was settled when the run was begun: "run", a random name that no other run has, and its "command"."""
        return dict(json.loads((self.path / "run.json").read_text()))

    def __enter__(self) -> Self:
        self._made = not self.path.exists()
        if self.path.is_dir() and not (self.path / "config.yaml").exists():
            ours = {".lock", *MADE_FIRST, *(f".{name}.writing" for name in MADE_FIRST)}
            if {file.name for file in self.path.iterdir()} - ours:
                raise UserError(f"{self.path} holds something that is not a run; choose another --output_dir")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / ".lock").open("a")
        except OSError as error:
            raise UserError(f"cannot write to {self.path} ({error.strerror}); choose another --output_dir") from error
        try:
            fcntl.lockf(
                self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB
            )  # not flock: processes that read data would inherit it
        except OSError as error:
            self._lock.close()
            raise UserError(
                f"another process is working in {self.path}; wait for it or choose another --output_dir"
            ) from error
        self._begun = self._exists or self._has_begun()
        try:
            self._check_config()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._begun and not self._has_begun():
            self._clear()
            if self._made:
                shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def _has_begun(self) -> bool:
        """Whether anything is there that took time: a step, or a part of a comparison."""
        return any(path.exists() for path in (self.log, self.results, self.cells, *self.checkpoints.glob("*")))

    def _clear(self) -> None:
        """Remove what was made for a run that took no step, and nothing else."""
        for name in MADE_FIRST:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _check_config(self) -> None:
        path = self.path / "config.yaml"
        if not self._begun or not path.exists():
            self._clear()
            write_text(self.path / "run.json", json.dumps({"run": secrets.token_hex(16), "command": self._command}))
            write_text(path, yaml.safe_dump(self.config, sort_keys=False))
            return
        saved = yaml.safe_load(path.read_text())
        for name, value in self.config.items():
            if name not in FREE_TO_CHANGE and saved.get(name) != value:
                raise UserError(
                    f"{self.path} holds a run with {name}={saved.get(name)}, not {value}; "
                    f"give --{name} {saved.get(name)} to go on with it, or another --output_dir"
                )

    def check_data(self, record: dict[str, Any], accept_at: int | None = None) -> None:
        """Record what the data are; on resume, refuse data that changed.

        Args:
            record: of the data as they are.
            accept_at: step from which on data that changed are read, from their start; None refuses them.

        Raises:
            UserError: naming the first file that differs, where there are files.
        """
        path = self.path / "data.json"
        if not path.exists():
            write_text(path, json.dumps(record | {"since_step": 0}, indent=1))
            return
        saved = json.loads(path.read_text())
        if (saved["revision"], saved["shards"]) == (record["revision"], record["shards"]):
            return
        if accept_at is not None:
            print(f"the data changed; from step {accept_at} on they are read from their start", file=sys.stderr)
            write_text(path, json.dumps(record | {"since_step": accept_at}, indent=1))
            return
        advice = "give --changed_data accept to go on with what there is now, or choose another --output_dir"
        now = {file["path"]: file for file in record["files"]}
        for file in saved["files"]:
            if now.get(file["path"]) != file:
                size = now.get(file["path"], {}).get("size", "none")
                raise UserError(
                    f"{file['path']} changed since {self.path} was begun ({file['size']} bytes then, {size} now, or other "
                    f"content); put the old file back, {advice}"
                )
        raise UserError(
            f"the data set {record['name']} changed since {self.path} was begun (revision {saved['revision'][:12]} in "
            f"{saved['shards']} shards then, {record['revision'][:12]} in {record['shards']} now); {advice}"
        )

    def data(self) -> dict[str, Any]:
        """The data as they were recorded, with "since_step": the step since when they are these; empty before that."""
        path = self.path / "data.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def cut_log(self, step: int) -> None:
        """Drop lines of the log after a step, and a half-written last one."""
        if not self.log.exists():
            return
        kept = [json.dumps(line) + "\n" for line in self.logged() if line["step"] <= step]
        write_text(self.log, "".join(kept))

    def logged(self) -> Iterator[dict[str, Any]]:
        """Lines of the log, but for a half-written last one."""
        for line in self.log.read_text().splitlines(keepends=True):
            if line.endswith("}\n"):
                yield json.loads(line)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file or folder is written into a sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # safetensors and tokenizers have errors of their own for a full disk
        raise UserError(
            f"cannot write {path} ({in_one_line(error)}); make room and run the same command to go on"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replace a file in one go: a reader sees the old or the new text."""
    temporary = path.with_name(f".{path.name}.writing")
    with writing(path):
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


@contextlib.contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill, which takes the place of ``path`` when it is complete."""
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with writing(path):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            yield temporary
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
