"""A deployed Space runs from the files that were committed, where nothing else of the project is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SMALL_IMAGES, pretrain, run, write_parquet
from demo_fixtures import answering
from gradio_client import Client
from hub_fixtures import REPO
from huggingface_hub import HfApi

from hf_ssl.common.run_folder import RunFolder
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository
from hf_ssl.runs.results import read_results

SPACE = "alice/shown"
WHERE_IT_RUNS = (
    "import runpy, sys; import hf_ssl; print('hf_ssl is', hf_ssl.__file__, flush=True); sys.argv = ['app.py']; "
    "runpy.run_path('app.py', run_name='__main__')"
)
QUESTIONS = [
    ("fill", ["the ship and the [MASK]", [], REPO, 3], lambda said: len(said["predictions"][0]["candidates"]) == 3),
    ("group", ["text", "network_0", "kmeans", 3, "tsne"], lambda said: len(set(said["clusters"])) == 3),
    ("group", ["images", "pixels", "gaussian_mixture", 2, "pca"], lambda said: len(said["x"]) > 10),
    ("place_text", ["rose soil seed", "tfidf", "pca"], lambda said: len(said["nearest"]) == 5),
    ("image_row", [0], lambda said: said["image"].startswith("data:image/png")),
]


def ask_committed(hub, python: str, tmp_path: Path) -> None:
    """Start the app from what was committed, as the Hub does, and ask."""
    folder = Path(HfApi(hub.url, token=False).snapshot_download(SPACE, repo_type="space", local_dir=tmp_path / "space"))
    shutil.rmtree(folder / ".cache")
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "OMP_NUM_THREADS")}
    environment = kept | hub.environment(tmp_path / "visitor", token=None) | {"HOME": str(tmp_path / "visitor")}
    with answering([python, "-c", WHERE_IT_RUNS], folder, environment) as address:
        client = Client(address, verbose=False, analytics_enabled=False)
        for name, arguments, right in QUESTIONS:
            assert right(client.predict(*arguments, api_name=f"/{name}")), name
        client.close()
    said = (folder / "app.log").read_text()
    assert f"hf_ssl is {folder}/hf_ssl/__init__.py" in said
    assert "Traceback" not in said


@pytest.fixture
def deployed(hub, api, send, images, tmp_path):
    """The header of a Space of a model of text and one of images, by the script, on a data set of the Hub."""
    send()
    pretrain(*SMALL_IMAGES, "--dataset_name", images, "--output_dir", tmp_path / "mae", script="pretrain_mim.py")
    folder = RunFolder.existing(tmp_path / "mae")
    api.create_repo("alice/mae")
    publish(Publication(folder, read_results(folder), Repository.look(api, "alice/mae")))
    for name, rows in {"alice/texts": write_parquet(tmp_path / "texts", count=300), "alice/images": images}.items():
        api.create_repo(name, repo_type="dataset")
        api.upload_folder(folder_path=rows, repo_id=name, repo_type="dataset")
    home = tmp_path / "home"
    for said in ("published", "nothing to publish, everything is up to date"):
        result = run(
            "--space=shown", "--model", REPO, "alice/mae", "--dataset", "alice/texts", "alice/images",
            script="deploy_space.py", cache=home, environment=hub.environment(home), cwd=tmp_path,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert f"{said}: {hub.url}/spaces/{SPACE} at " in result.stdout
        assert "hf_alice" not in result.stdout + result.stderr
    commit = hub.store.find(hub.store.repo("spaces", SPACE), "main")
    return yaml.safe_load(hub.store.content(commit.files["README.md"]).decode().split("---\n")[1])


@pytest.mark.slow
def test_it_runs_from_what_was_committed(deployed, hub, tmp_path):
    assert deployed["models"] == [REPO, "alice/mae"]
    assert deployed["datasets"] == ["alice/texts", "alice/images"]
    hub.store.delete(hub.store.repo("datasets", "alice/texts"))  # rows are in the Space
    ask_committed(hub, sys.executable, tmp_path)


@pytest.mark.endurance
@pytest.mark.timeout(1800)
def test_it_runs_with_what_it_names(deployed, hub, tmp_path):
    """In a new environment, which has nothing but the Space's requirements and Gradio."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    folder = ROOT / "spaces" / "ssl_vs_clustering"
    wanted = ["-r", folder / "requirements.txt", f"gradio=={deployed['sdk_version']}"]
    subprocess.run([tmp_path / "venv/bin/pip", "install", "--quiet", *wanted], check=True)
    ask_committed(hub, str(tmp_path / "venv/bin/python"), tmp_path)
