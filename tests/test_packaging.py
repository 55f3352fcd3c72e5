"""What is shipped: the wheel holds the card templates; the README's blocks are true."""

import functools
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, run
from huggingface_hub import ModelCard


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_the_templates(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {"hf_ssl/py.typed", "hf_ssl/model_cards/frame.md", "hf_ssl/model_cards/masked_language.md"} <= set(names)
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "hf_ssl").rglob("*.py")}
    assert sources <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)

    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    code = "import hf_ssl, hf_ssl.hub.card as c; print(hf_ssl.__file__); print(sorted(p.name for p in c._templates().iterdir()))"
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert str(unpacked) in result.stdout
    assert "frame.md" in result.stdout


def test_the_readme_names_files_that_exist():
    text = (ROOT / "README.md").read_text()
    for name in re.findall(r"\b(?:hf_ssl|scripts|tests|model_cards|spaces)/[\w/.]*\w", text):
        assert (ROOT / name).exists(), name


def test_every_flag_in_the_readme_exists():
    seen = set()
    for line in (line for block in blocks() for line in block.splitlines()):
        script = re.search(r"((?:scripts|spaces/ssl_vs_clustering)/\w+\.py)", line)
        flags = re.findall(r"(?<=\s)--\w+", line.split(".py")[-1])
        if script and flags:
            task = re.findall(r"--task \w+", line)
            if script.group(1) == "scripts/pretrain.py":
                helped = help_of(script.group(1), *task)
            else:
                helped = help_of(script.group(1))
            assert not [flag for flag in flags if flag not in helped], line
            seen.add(script.group(1))
    names = {Path(script).stem for script in seen}
    assert {"pretrain_mlm", "pretrain", "compare", "fine_tune", "publish", "app", "deploy_space"} <= names


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


@functools.cache
def help_of(script: str, *flags: str) -> str:
    words = [word for flag in flags for word in flag.split()]
    return subprocess.run(
        [sys.executable, str(ROOT / script), *words, "--help"], capture_output=True, text=True, check=True
    ).stdout


def test_no_randomness_but_by_argument():
    """Global generators would make a figure depend on what ran before."""
    allowed = {"torch.manual_seed("}  # re-seeded by (seed, step, process), for dropout and new weights
    for path in (ROOT / "hf_ssl").rglob("*.py"):
        for found in re.findall(
            r"\b(?:np\.random\.(?!default_rng|Generator)\w+|(?<!\.)random\.\w+\(|torch\.(?:rand\w*|manual_seed)\((?!.*generator=))",
            path.read_text(),
        ):
            assert found in allowed, f"{path}: {found}"


def test_nothing_is_unpickled_and_no_remote_code_is_trusted():
    for path in (file for folder in ("hf_ssl", "scripts", "spaces") for file in (ROOT / folder).rglob("*.py")):
        assert not re.search(r"torch\.load\(|import pickle|trust_remote_code=True", path.read_text()), path


@pytest.mark.slow
def test_the_readmes_main_command(tmp_path, cache):
    """The very words, for fewer steps: on the built-in documents, in an empty folder."""
    line = next(
        line for line in (ROOT / "README.md").read_text().splitlines() if line.endswith("--output_dir runs/docs")
    )
    script, *arguments = shlex.split(line.split(" && ")[-1])[1:]
    result = run(*arguments, "--max_steps=10", script=Path(script).name, cache=cache, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    results = json.loads((tmp_path / "runs" / "docs" / "results.json").read_text())
    assert results["data"]["name"] == "embedded:docs"
    assert set(results["features"]) == {"pretrained", "untrained", "tfidf_svd"}
    card = ModelCard.load(tmp_path / "runs" / "docs" / "README.md")
    assert line.split(" && ")[-1].split("python ")[1].split()[-1] in card.text
