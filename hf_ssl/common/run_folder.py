"""The run folder: the only interface between stages, locked while a process works in it."""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from hf_ssl.common.errors import UserError
from hf_ssl.common.writing import write_text

# Flags that may change on resume, as they affect no sample and no mask. (Accumulation affects only rounding.)
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
PRETRAINING, FINE_TUNING, COMPARISON = "pretraining", "fine_tuning", "comparison"  # kinds of runs
FIRST_PHASE = "first_phase"
MADE_FIRST = ("config.yaml", "run.json", "data.json", "processor", "plan.json", "checkpoints")  # before the first step


class RunFolder:
    """The folder of one run: config.yaml, run.json, data.json, log.jsonl, processor, checkpoints, model, results, card.

    As a context manager it holds a lock, which the system releases however the process ends. Files of a run that never
    started training are removed again.
    """

    FORMAT = 2  # version of the layout; folders of another version are rejected and left unchanged

    def __init__(self, path: Path, config: dict[str, Any], kind: str = PRETRAINING, command: str = "") -> None:
        """Describe the folder; nothing is written yet.

        Args:
            path: path of the folder.
            config: all flags of the run, which are recorded in config.yaml.
            kind: kind of run.
            command: command that started it.
        """
        self.path = path
        self.config = config
        self.kind = kind
        self._command = command
        self._exists = False
        self.checkpoints = path / "checkpoints"
        self.log = path / "log.jsonl"
        self.model = path / "model"
        self.processor = path / "processor"
        self.results = path / "results.json"
        self.card = path / "README.md"
        self.plan = path / "plan.json"  # of a run with a budget
        self.plots = path / "plots"
        self.cells = path / "cells"
        self.trainings = path / "trainings"  # with labels; of classifiers, until there are results

    @classmethod
    def existing(cls, path: Path) -> Self:
        """Return the folder of an existing run.

        Raises:
            UserError: if there is no run.
        """
        try:
            config = yaml.safe_load((path / "config.yaml").read_text(encoding="utf-8"))
            record = json.loads((path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UserError(f"{path} is not the folder of a run: it needs config.yaml and run.json") from error
        _check_format(path, record)
        folder = cls(path, config, record["kind"])
        folder._exists = True
        return folder

    def first_phase(self) -> RunFolder:
        """Return the folder of what is trained before the task itself: its log, checkpoints and data."""
        path = self.path / FIRST_PHASE
        path.mkdir(exist_ok=True)
        return RunFolder(path, self.config, self.kind)

    def record(self) -> dict[str, Any]:
        """Return the record made when the run was started: "run" (a unique random name), "command" and "kind"."""
        return dict(json.loads((self.path / "run.json").read_text(encoding="utf-8")))

    def __enter__(self) -> Self:
        self._made = not self.path.exists()
        self._check_format()
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
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock, which data workers would inherit
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
        """Return whether the folder holds computed results: a step, or a part of a comparison."""
        first = self.path / FIRST_PHASE
        took_time = self.log, self.results, self.cells, self.trainings, first, *self.checkpoints.glob("*")
        return any(path.exists() for path in took_time)

    def _clear(self) -> None:
        """Remove only the files of a run that took no step."""
        for name in MADE_FIRST:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _check_format(self) -> None:
        """Refuse a run of another format before anything is written, the lock too."""
        if self._has_begun() and (self.path / "config.yaml").exists():
            there = self.path / "run.json"
            _check_format(self.path, json.loads(there.read_text(encoding="utf-8")) if there.exists() else {})

    def _check_config(self) -> None:
        path = self.path / "config.yaml"
        if not self._begun or not path.exists():
            self._clear()
            begun = {"run": secrets.token_hex(16), "command": self._command, "kind": self.kind, "format": self.FORMAT}
            write_text(self.path / "run.json", json.dumps(begun))
            write_text(path, yaml.safe_dump(self.config, sort_keys=False))
            return
        saved, record = yaml.safe_load(path.read_text(encoding="utf-8")), self.record()
        if record["kind"] != self.kind:
            raise UserError(
                f"{self.path} holds a {record['kind'].replace('_', '-')} run, not a {self.kind.replace('_', '-')} run; choose "
                "another --output_dir"
            )
        for name, value in self.config.items():
            if name not in FREE_TO_CHANGE and saved.get(name) != value:
                raise UserError(
                    f"{self.path} holds a run with {name}={saved.get(name)}, not {value}; "
                    f"give --{name} {saved.get(name)} to resume it, or another --output_dir"
                )

    def check_data(self, record: dict[str, Any], accept_at: int | None = None) -> None:
        """Record the identity of the data; on resume, reject data that changed.

        Args:
            record: record of the current data.
            accept_at: step from which changed data are read, from their start; None rejects them.

        Raises:
            UserError: if the data changed; the message names the first file that differs, for data in files.
        """
        path = self.path / "data.json"
        if not path.exists():
            write_text(path, json.dumps(record | {"since_step": 0}, indent=1))
            return
        saved = json.loads(path.read_text(encoding="utf-8"))
        if (saved["revision"], saved["shards"]) == (record["revision"], record["shards"]):
            return
        if accept_at is not None:
            print(f"the data changed; from step {accept_at} on, they are read from the start", file=sys.stderr)
            write_text(path, json.dumps(record | {"since_step": accept_at}, indent=1))
            return
        advice = "pass --changed_data accept to continue with the current data, or choose another --output_dir"
        now = {file["path"]: file for file in record["checksums"]}
        for file in saved["checksums"]:
            if now.get(file["path"]) != file:
                size = now.get(file["path"], {}).get("size", "none")
                raise UserError(
                    f"{file['path']} changed since {self.path} was started ({file['size']} bytes then, {size} now, or other "
                    f"content); restore the old file, {advice}"
                )
        raise UserError(
            f"the data set {record['name']} changed since {self.path} was started (revision {saved['revision'][:12]} in "
            f"{saved['shards']} shards then, {record['revision'][:12]} in {record['shards']} now); {advice}"
        )

    def add_to_data(self, **facts: Any) -> None:
        """Add facts to the recorded data, which are found once they are read."""
        write_text(self.path / "data.json", json.dumps(self.data() | facts, indent=1))

    def data(self) -> dict[str, Any]:
        """Return the recorded data, with "since_step", the step from which they are used; empty before they are recorded."""
        path = self.path / "data.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def cut_log(self, step: int) -> None:
        """Drop log lines after a step, and an incomplete last line."""
        if not self.log.exists():
            return
        kept = [json.dumps(line) + "\n" for line in self.logged() if line["step"] <= step]
        write_text(self.log, "".join(kept))

    def logged(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the log, without an incomplete last one."""
        for line in self.log.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("}\n"):
                yield json.loads(line)


def _check_format(path: Path, record: Any) -> None:
    if not isinstance(record, dict) or record.get("format") != RunFolder.FORMAT:
        raise UserError(
            f"the run in {path} was made by an older version of hf_ssl and cannot be resumed or read by this one; use that "
            "version, or choose another folder"
        )
