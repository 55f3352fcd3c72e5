"""The whole life of a model: data on the Hub, pretrained, killed, gone on, published, downloaded, shown, and pretrained on."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import SMALL, SMALL_IMAGES, command, write_images, write_parquet

HIDE = "import sys; sys.modules['hf_ssl'] = None\n"
LIVES = {
    "text": ("pretrain_mlm.py", [*SMALL, "--max_steps=60"], write_parquet),
    "images": ("pretrain.py", [*SMALL_IMAGES, "--task=contrastive", "--max_steps=40"], write_images),
}


def tell(environment: dict[str, str], *line: object) -> str:
    """Run a program that must succeed; what it says."""
    result = subprocess.run([*map(str, line)], env=environment, capture_output=True, text=True, timeout=250)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def kill_after_a_checkpoint(environment: dict[str, str], folder: Path, line: list[str]) -> None:
    process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(folder.glob("checkpoints/step_*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("kind", LIVES)
def test_life(kind, hub, api, tmp_path):
    script, flags, write = LIVES[kind]
    environment = os.environ | hub.environment(tmp_path / "home") | {"OMP_NUM_THREADS": "1"}
    hf, output = Path(sys.executable).with_name("hf"), []

    folder = write(tmp_path / "data")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# Made up\n")
    output.append(tell(environment, hf, "upload", "alice/data", folder, ".", "--repo-type", "dataset", "--private"))

    run_folder = tmp_path / "runs" / "life"
    line = command(
        *flags, "--dataset_name=alice/data", "--output_dir", run_folder, "--push_to_hub", "--hub_model_id=alice/life",
        script=script,
    )  # fmt: skip
    kill_after_a_checkpoint(environment, run_folder, line)
    output.append(tell(environment, *line))
    assert "going on after step" in output[-1]
    assert f"published: {hub.url}/alice/life" in output[-1]
    output.append(tell(environment, *line))
    assert "nothing was trained" in output[-1]
    assert "nothing to publish, all is there" in output[-1]
    assert [commit.title for commit in api.list_repo_commits("alice/life")][1:] == ["initial commit"]

    fresh = environment | {"HF_HOME": str(tmp_path / "another")}
    output.append(tell(fresh, hf, "download", "alice/life", "--local-dir", tmp_path / "downloaded"))
    card = (tmp_path / "downloaded" / "README.md").read_text()
    assert card == urllib.request.urlopen(f"{hub.url}/alice/life").read().decode()
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", card):
        assert (tmp_path / "downloaded" / picture).read_bytes().startswith(b"\x89PNG")
    assert "license: cc0-1.0" in card
    assert "datasets:\n- alice/data" in card
    block = re.search(r"```python\n(.*?)```", card, re.S).group(1)
    assert '"alice/life"' in block
    said = tell(fresh, sys.executable, "-c", HIDE + block)
    assert "MISSING" not in said
    assert "alice/life" in tell(fresh, hf, "models", "info", "alice/life")

    more = command(
        *flags, "--max_steps=4", "--dataset_name=alice/data", "--output_dir", tmp_path / "runs" / "more",
        "--model_name_or_path=alice/life", script=script,
    )  # fmt: skip
    output.append(tell(environment, *more))
    assert "base_model: alice/life" in (tmp_path / "runs" / "more" / "README.md").read_text()

    written = [file.read_bytes() for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    written += [blob.read_bytes() for blob in hub.store.blobs.iterdir()]
    assert len(written) > 20
    assert any(b"alice/life" in content for content in written)  # the search finds what is there
    assert not any(b"hf_alice_write" in content for content in written)
    assert "hf_alice_write" not in "".join(output)


@pytest.mark.slow
def test_an_interrupted_run_is_published(hub, api, tmp_path):
    environment = os.environ | hub.environment(tmp_path / "home") | {"OMP_NUM_THREADS": "1"}
    run_folder = tmp_path / "runs" / "cut-short"
    data = write_parquet(tmp_path / "data")
    line = command(*SMALL, "--max_steps=2000", "--dataset_name", data, "--output_dir", run_folder)
    kill_after_a_checkpoint(environment, run_folder, line)
    said = tell(environment, *command(run_folder, script="publish.py"))
    assert f"published: {hub.url}/alice/cut-short" in said
    card = urllib.request.urlopen(f"{hub.url}/alice/cut-short").read().decode()
    assert re.search(r"No features were measured: the run was interrupted after step \d+ of 2000", card)
    block = re.search(r"```python\n(.*?)```", card, re.S).group(1)
    tell(environment, sys.executable, "-c", HIDE + block)
    assert not (run_folder / "results.json").exists()  # the run can go on
    assert "nothing to publish" in tell(environment, *command(run_folder, script="publish.py"))
