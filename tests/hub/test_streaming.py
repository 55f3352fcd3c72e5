"""Streaming from the Hub: faults in the middle change nothing, what cannot be waited for stops the run, which goes on exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, SMALL_IMAGES, picture, png, run, sentences, write_images, write_parquet
from hub_server.faults import EVER
from hub_server.server import HubServer
from huggingface_hub import HfApi

DATA = "alice/sentences"
READS = r"GET /datasets/alice/.*\.parquet"
LONG = ["--max_steps=60", "--save_steps=20"]
MASKED_ALONE = [*SMALL, "--contrast_steps=0"]  # faults are counted from the first batch
FAULTS = {
    "drop": {"stop_after": 400},
    "reset": {"stop_after": 400, "reset": True},
    "stall": {"stall_after": 400, "stall": 60.0},
    "429": {"status": 429, "headers": {"Retry-After": "1"}},
    "503": {"status": 503},
    "504": {"status": 504, "headers": {"Retry-After": "1"}},
}


def upload(api, folder: Path, repo_id: str = DATA, card: str = "") -> str:
    """Make a private data set, or its next state; its commit."""
    api.create_repo(repo_id, repo_type="dataset", private=True, exist_ok=True)
    if card:
        (folder / "README.md").write_text(card)
    return api.upload_folder(repo_id=repo_id, repo_type="dataset", folder_path=folder).oid


def losses(folder: Path) -> list[tuple[float, str]]:
    return [
        (line["loss"], line["samples"]) for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    ]


def stream(hub, folder: Path, *flags: object, script: str = "pretrain_mlm.py", data: str = DATA, small=MASKED_ALONE):
    """Run a script on a data set of a Hub, with a fresh cache: caches hide faults."""
    home = folder.with_name(f"{folder.name}_home_{len(hub.log)}")
    environment = hub.environment(home) | {"HF_HUB_DOWNLOAD_TIMEOUT": "2"}
    flags = (*small, "--dataset_name", data, "--output_dir", folder, *flags)
    result = run(*flags, cache=home, script=script, environment=environment)
    assert "Traceback" not in result.stderr, result.stderr
    return result


@dataclass
class Calm:
    """A run that nothing disturbed, of more than one epoch: its losses, and how often it read from the files."""

    hub: HubServer
    revision: str
    losses: list[tuple[float, str]]
    reads: int


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calm")
    with HubServer(folder / "hub") as hub:
        api = HfApi(hub.url, token="hf_alice_write")
        data = write_parquet(folder / "data", count=160, files=4, row_group_size=10, labelled=False)
        revision = upload(api, data)
        hub.faults.clear()
        assert stream(hub, folder / "run", *LONG).returncode == 0
        reads = [record for record in hub.log if record.range and ".parquet" in record.line]
        yield Calm(hub, revision, losses(folder / "run"), len(reads))


@pytest.fixture
def hub_of_calm(calm):
    """Its Hub, without the faults of the test before."""
    calm.hub.faults.clear()
    return calm.hub


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("drop", "503") else pytest.mark.endurance) for name in FAULTS]
)
def test_a_fault_in_the_middle_changes_nothing(name, calm, hub_of_calm, tmp_path):
    folder, steps = tmp_path / "disturbed", []
    fault = hub_of_calm.faults.plan(READS, skip=calm.reads * 3 // 4, times=2, **FAULTS[name])
    fault.act = lambda: steps.append(len(losses(folder)))
    result = stream(hub_of_calm, folder, *LONG)
    assert result.returncode == 0, result.stderr
    assert fault.hits == 2
    assert 0 < steps[0] < len(calm.losses)  # in the middle of training
    assert all(record.range for record in hub_of_calm.log if record.fault)  # of data, not of a listing
    assert losses(folder) == calm.losses


@pytest.mark.slow
def test_what_does_not_pass_is_saved_and_goes_on(calm, hub_of_calm, tmp_path):
    fault = hub_of_calm.faults.plan(READS, skip=calm.reads * 3 // 4, times=EVER, status=503)
    fault.headers = {"Retry-After": "3000"}
    result = stream(hub_of_calm, tmp_path / "run", *LONG)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert "127.0.0.1 answers 503 and asks to wait for 3000 seconds" in last
    assert "fix that and rerun the same command to resume" in last
    assert 0 < len(losses(tmp_path / "run")) < len(calm.losses)
    hub_of_calm.faults.clear()
    api = HfApi(hub_of_calm.url, token="hf_alice_write")
    upload(api, write_parquet(tmp_path / "other", count=300))  # the run stays with the commit it was begun with
    assert stream(hub_of_calm, tmp_path / "run", *LONG).returncode == 0
    assert losses(tmp_path / "run") == calm.losses
    assert json.loads((tmp_path / "run" / "results.json").read_text())["data"]["revision"] == calm.revision


@pytest.mark.slow
def test_a_busy_hub_at_the_first_request(hub, api, tmp_path):
    upload(api, write_parquet(tmp_path / "data", labelled=False))
    fault = hub.faults.plan(r"GET /api/datasets/alice/sentences$", times=2, status=503)
    assert stream(hub, tmp_path / "run").returncode == 0
    assert fault.hits == 2


@pytest.mark.slow
def test_data_that_are_no_more(hub, api, tmp_path):
    first = upload(api, write_parquet(tmp_path / "data", count=160, files=4, row_group_size=10, labelled=False))
    fault = hub.faults.plan(READS, skip=80, times=EVER, status=404)
    assert stream(hub, tmp_path / "run", *LONG).returncode == 1
    fault.times = 0
    second = upload(api, write_parquet(tmp_path / "other", count=500, files=3))
    (hub.store.folder / "datasets" / DATA / f"{first}.json").unlink()
    result = stream(hub, tmp_path / "run", *LONG)
    assert result.returncode == 1
    assert f"has lost the commit {first} that this run was begun with; give --changed_data accept" in result.stderr
    assert stream(hub, tmp_path / "run", *LONG, "--changed_data=accept").returncode == 0
    data = json.loads((tmp_path / "run" / "results.json").read_text())["data"]
    assert data["revision"] == second
    assert data["since_step"] > 0


LINES = "---\nlicense: cc0-1.0\nlanguage:\n- en\nconfigs:\n- config_name: one\n  data_files: a.jsonl\n- config_name: two\n  data_files: b*.jsonl\n---\n"


@pytest.mark.slow
def test_json_lines_in_configurations(hub, api, tmp_path):
    folder = tmp_path / "lines"
    folder.mkdir()
    texts, labels = sentences(400)
    for name, part in (("a", slice(0, 40)), ("b1", slice(40, 220)), ("b2", slice(220, 400))):
        rows = zip(texts[part], labels[part], strict=True)
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps({'text': t, 'cls': c})}\n" for t, c in rows))
    upload(api, folder, card=LINES)
    result = stream(hub, tmp_path / "missing", "--dataset_config=three")
    assert result.returncode == 1
    assert "'three' not found" in result.stderr.splitlines()[-1]
    assert stream(hub, tmp_path / "run", "--dataset_config=two").returncode == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["data"]["license"] == "cc0-1.0"
    assert results["data"]["language"] == ["en"]
    assert results["data"]["shards"] == 2
    assert results["features"]["tfidf_svd"]


@pytest.mark.slow
def test_images_of_a_folder_and_of_parquet(hub, api, tmp_path):
    generator = np.random.default_rng(0)
    for label in range(3):
        (tmp_path / "folder" / "train" / f"kind_{label}").mkdir(parents=True)
        for number in range(20):
            data = png(picture(label, generator))
            (tmp_path / "folder" / "train" / f"kind_{label}" / f"{number}.png").write_bytes(data)
    upload(api, tmp_path / "folder", "alice/folder")
    upload(api, write_images(tmp_path / "pictures", labelled=False), "alice/pictures")
    flags = ["--task=rotation", "--max_steps=4", "--batch_size=8"]
    for data in ("folder", "pictures"):
        result = stream(
            hub, tmp_path / f"{data}_run", *flags, script="pretrain.py", data=f"alice/{data}", small=SMALL_IMAGES
        )
        assert result.returncode == 0, result.stderr
        results = json.loads((tmp_path / f"{data}_run" / "results.json").read_text())
        assert results["data"]["skipped_rows"] == 0
        assert results["cost"]["images"] == 32
