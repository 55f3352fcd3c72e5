"""Fixtures around a Hub of one's own: its client, a finished run, and the repository that the run is published to."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, pretrain, sentences
from hub_server.server import HubServer
from huggingface_hub import HfApi

from hf_ssl.common import patience
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository
from hf_ssl.runs.results import read_results

REPO = "alice/model"
TEXTS = ["the ship and the sail", "rose soil seed bloom", "butter"]


def features(model, encoder, inputs) -> dict[str, np.ndarray]:
    return model.embed(encoder, inputs, "features")


def pictures() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, (16, 16, 3)).astype(np.uint8) for _ in range(3)]


@pytest.fixture
def hub(tmp_path: Path):
    """A Hub of one's own."""
    with HubServer(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def api(hub) -> HfApi:
    """Its client, as alice, who may write."""
    return HfApi(hub.url, token="hf_alice_write")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run on text without labels; for copying."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "lines.txt").write_text("\n".join(sentences(300)[0]))
    pretrain(*SMALL, "--dataset_name", folder / "lines.txt", "--output_dir", folder / "run")
    return folder / "run"


@pytest.fixture
def run_folder(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run of one's own."""
    return shutil.copytree(finished_run, tmp_path / "run")


@pytest.fixture
def folder(run_folder):
    return RunFolder.existing(run_folder)


@pytest.fixture
def results(folder):
    return read_results(folder)


@pytest.fixture
def pauses(monkeypatch):
    """Pauses between tries are noted, not made."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


class Remote:
    """The repository as the server holds it."""

    def __init__(self, hub) -> None:
        self.store = hub.store

    @property
    def repo(self):
        return self.store.repo("models", REPO)

    def commits(self) -> list[str]:
        return [commit.id for commit in self.store.history(self.repo, "main")]

    def files(self) -> dict[str, str]:
        return {path: entry.sha256 for path, entry in self.store.find(self.repo, "main").files.items()}

    def content(self, name: str) -> bytes:
        return self.store.content(self.store.find(self.repo, "main").files[name])

    def text(self, name: str) -> str:
        return self.content(name).decode()

    def go_back(self, commit_id: str) -> None:
        """Make an old commit the newest again, and forget content that came after it."""
        repo = self.repo
        repo.branches["main"] = commit_id
        self.store.save(repo)
        kept = set(self.files().values())
        for blob in self.store.blobs.iterdir():
            if blob.name not in kept:
                blob.unlink()


@pytest.fixture
def remote(hub, api):
    api.create_repo(REPO)
    return Remote(hub)


@pytest.fixture
def send(api, remote, folder, results):
    """Publish the run."""
    repository = Repository.look(api, REPO)

    def publish_it(seconds=patience.LONG, results=results, **options):
        return publish(Publication(folder, results, repository, **options), seconds)

    return publish_it
