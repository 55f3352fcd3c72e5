"""Repositories on disk: blobs by content, commits as JSON, branches and tags in one file a repository."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LARGE = (".safetensors", ".bin", ".pt", ".parquet", ".arrow", ".png", ".jpg", ".zip", ".gz", ".tar", ".model")


@dataclass(frozen=True)
class Entry:
    """A file of a commit: the SHA-256 and size of its content, its git object id, and whether it is kept as large."""

    sha256: str
    size: int
    oid: str
    large: bool

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True)
class Commit:
    id: str
    parent: str | None
    title: str
    date: str
    author: str
    files: dict[str, Entry]


@dataclass
class Repo:
    """``kind``: models, datasets or spaces; ``id``: owner/name; branches and tags name commits."""

    kind: str
    id: str
    created: str
    private: bool = False
    gated: str | bool = False
    sdk: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[str, dict[str, Any]] = field(default_factory=dict)  # refs/pr/1 -> title, author, status

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Store:
    """All repositories below one folder. Whoever changes one holds ``lock``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()

    def keep(self, content: bytes) -> str:
        """Store content; its SHA-256."""
        name = hashlib.sha256(content).hexdigest()
        if not (self.blobs / name).exists():
            self._replace(self.blobs / name, content)
        return name

    def entry(self, path: str, content: bytes) -> Entry:
        """Store a file as git would: large ones behind a pointer."""
        sha256 = self.keep(content)
        if path.endswith(LARGE):
            return self.large_entry(sha256)
        return Entry(sha256, len(content), git_oid(content), large=False)

    def large_entry(self, sha256: str) -> Entry:
        size = (self.blobs / sha256).stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return Entry(sha256, size, git_oid(pointer.encode()), large=True)

    def content(self, entry: Entry) -> bytes:
        return (self.blobs / entry.sha256).read_bytes()

    def create(self, kind: str, repo_id: str, author: str, files: dict[str, bytes], **fields: Any) -> Repo:
        repo = Repo(kind, repo_id, now(), **fields)
        self._folder(kind, repo_id).mkdir(parents=True)
        self.commit(
            repo, "main", {path: self.entry(path, data) for path, data in files.items()}, "initial commit", author
        )
        return repo

    def repo(self, kind: str, repo_id: str) -> Repo | None:
        path = self._folder(kind, repo_id) / "repo.json"
        return Repo(**json.loads(path.read_text())) if path.exists() else None

    def repos(self, kind: str) -> Iterator[Repo]:
        for path in sorted((self.folder / kind).glob("*/*/repo.json")):
            yield Repo(**json.loads(path.read_text()))

    def save(self, repo: Repo) -> None:
        self._replace(self._folder(repo.kind, repo.id) / "repo.json", json.dumps(asdict(repo)).encode())

    def delete(self, repo: Repo) -> None:
        shutil.rmtree(self._folder(repo.kind, repo.id))

    def move(self, repo: Repo, new_id: str) -> None:
        self._folder(repo.kind, new_id).parent.mkdir(parents=True, exist_ok=True)
        self._folder(repo.kind, repo.id).rename(self._folder(repo.kind, new_id))
        repo.id = new_id
        self.save(repo)

    def commit(self, repo: Repo, branch: str, files: dict[str, Entry], title: str, author: str) -> Commit:
        """Make a commit with exactly these files the head of a branch."""
        commit = Commit(secrets.token_hex(20), repo.branches.get(branch), title, now(), author, files)
        self._replace(self._folder(repo.kind, repo.id) / f"{commit.id}.json", json.dumps(asdict(commit)).encode())
        repo.branches[branch] = commit.id
        self.save(repo)
        return commit

    def find(self, repo: Repo, revision: str) -> Commit | None:
        """The commit of a branch, a tag or (the beginning of) an id."""
        name = revision.removeprefix("refs/heads/")
        commit_id = repo.branches.get(name) or repo.tags.get(name.removeprefix("refs/tags/")) or name
        if "/" in commit_id or not 5 <= len(commit_id) <= 40:
            return None
        found = list(self._folder(repo.kind, repo.id).glob(f"{commit_id}*.json"))
        if len(found) != 1 or found[0].name == "repo.json":
            return None
        record = json.loads(found[0].read_text())
        return Commit(**record | {"files": {path: Entry(**entry) for path, entry in record["files"].items()}})

    def history(self, repo: Repo, revision: str) -> Iterator[Commit]:
        """Newest first."""
        commit = self.find(repo, revision)
        while commit:
            yield commit
            commit = self.find(repo, commit.parent) if commit.parent else None

    def _folder(self, kind: str, repo_id: str) -> Path:
        return self.folder / kind / repo_id

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        temporary.write_bytes(content)
        os.replace(temporary, path)
