"""The whole life of a model: data on the Hub, pretrained, killed, gone on, published, downloaded, shown, and pretrained on."""

from __future__ import annotations

import json
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


def kill_after_a_checkpoint(environment: dict[str, str], folder: Path, line: list[str]) -> str:
    """What the process said until then."""
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not list(folder.glob("checkpoints/step_*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    said = process.communicate()[0]
    assert process.returncode == -signal.SIGKILL
    return said


def losses(folder: Path) -> list[tuple[float, str]]:
    return [
        (line["loss"], line["samples"]) for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    ]


def on_two_processes(line: list[str]) -> list[str]:
    launcher = [line[0], "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    return launcher + line[1:]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", pytest.param("images", marks=pytest.mark.endurance)])
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
    refused = subprocess.run(
        line, env=environment | {"HF_TOKEN": "hf_alice_read"}, capture_output=True, text=True, timeout=250
    )
    assert refused.stderr.splitlines()[-1].startswith("error: this token for the Hub may only read")
    output += [refused.stdout + refused.stderr, kill_after_a_checkpoint(environment, run_folder, line)]
    output.append(tell(environment, *(line if kind == "text" else on_two_processes(line))))
    assert "resuming after step" in output[-1]
    assert f"published: {hub.url}/alice/life" in output[-1]
    output.append(tell(environment, *line))
    assert "nothing was trained" in output[-1]
    assert "nothing to publish, everything is up to date" in output[-1]
    assert [commit.title for commit in api.list_repo_commits("alice/life")][1:] == ["initial commit"]

    if kind == "text":  # two processes round in another way
        left_alone = command(
            *flags, "--dataset_name=alice/data", "--output_dir", tmp_path / "runs" / "calm", script=script
        )
        output.append(tell(environment, *left_alone))
        assert losses(run_folder) == losses(tmp_path / "runs" / "calm")

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
    assert not [said for said in output if "hf_alice" in said]


@pytest.mark.slow
def test_an_interrupted_run_is_published(hub, api, tmp_path):
    environment = os.environ | hub.environment(tmp_path / "home") | {"OMP_NUM_THREADS": "1"}
    run_folder = tmp_path / "runs" / "cut-short"
    data = write_parquet(tmp_path / "data")
    line = command(*SMALL, "--max_steps=60", "--save_steps=20", "--dataset_name", data, "--output_dir", run_folder)
    kill_after_a_checkpoint(environment, run_folder, line)
    said = tell(environment, *command(run_folder, script="publish.py"))
    assert f"published: {hub.url}/alice/cut-short" in said
    card = urllib.request.urlopen(f"{hub.url}/alice/cut-short").read().decode()
    assert re.search(r"No features were measured: `the run was interrupted after step \d+ of 60`", card)
    block = re.search(r"```python\n(.*?)```", card, re.S).group(1)
    tell(environment, sys.executable, "-c", HIDE + block)
    assert not (run_folder / "results.json").exists()  # the run can go on
    publish = command(run_folder, script="publish.py")
    assert "nothing to publish" in tell(environment, *publish)

    assert "resuming after step" in tell(environment, *line)
    assert "nothing to publish" in tell(environment, *publish, "--card_only")  # the card of what lies beside it
    assert "published" in tell(environment, *publish)
    assert "60 steps" in urllib.request.urlopen(f"{hub.url}/alice/cut-short").read().decode()
    assert len(api.list_repo_commits("alice/cut-short")) == 3
