"""What is shipped: the wheel holds the card templates; what the documents say can be typed as it stands."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, run
from huggingface_hub import ModelCard

from hf_ssl.common import flags
from hf_ssl.common.errors import UserError
from hf_ssl.hub import pretraining
from hf_ssl.modalities.known import MODALITIES


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_the_templates(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {"hf_ssl/py.typed", "hf_ssl/model_cards/frame.md", "hf_ssl/model_cards/modalities/text.md"} <= set(names)
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "hf_ssl").rglob("*.py")}
    assert sources <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)

    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    code = "import hf_ssl, hf_ssl.runs.card as c; print(hf_ssl.__file__); print(sorted(p.name for p in c.templates().rglob('*.md')))"
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert str(unpacked) in result.stdout
    assert "frame.md" in result.stdout
    assert "images.md" in result.stdout


DOCUMENTS = ("README.md", "model_cards/RESULTS.md", "scripts/benchmarks/README.md")
MOST_WORDS = 700
SCRIPTS = sorted(
    str(path.relative_to(ROOT)) for folder in ("scripts", "spaces") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_files_that_exist(document):
    text = (ROOT / document).read_text()
    for name in re.findall(r"\b(?:hf_ssl|scripts|tests|model_cards|spaces)/[\w/.]*\w", text):
        assert (ROOT / name).exists(), name
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / document).parent / link).exists(), link


def test_the_readme_is_short_and_has_one_table():
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= MOST_WORDS
    assert len(re.findall(r"^\|[-|: ]+\|$", text, re.M)) == 1
    assert text.count("```") % 2 == 0


def commands_in(text: str) -> list[str]:
    """Every command that runs one of our scripts, in blocks and in sentences."""
    return re.findall(r"python ((?:scripts|spaces)/[^`\n]*)", text)


def parse(command: str, modality: str, monkeypatch) -> None:
    """Parse a command line as its script does, and stop there; data sets that do not exist are of this modality."""
    script, *words = shlex.split(command, comments=True)

    def parse_only(*arguments, **options):
        flags.parse_arguments(*arguments, **options)
        raise ParsedError

    with monkeypatch.context() as patched:
        patched.chdir(ROOT)  # where configurations lie
        patched.setattr(pretraining, "_modality_of", lambda *_arguments: modality)
        patched.setattr(pretraining, "parse_arguments", parse_only)
        loaded = runpy.run_path(str(ROOT / script), run_name="a script")
        loaded["main"].__globals__["parse_arguments"] = parse_only
        with pytest.raises(ParsedError):
            loaded["main"](words)


class ParsedError(Exception):
    """The command line has no mistake."""


def unparsed(command: str, monkeypatch) -> str | None:
    """What is wrong with a command line, if none of the modalities takes it; None if one does."""
    problem = None
    for modality in MODALITIES:
        try:
            parse(command, modality, monkeypatch)
        except (SystemExit, UserError) as error:
            problem = f"{command}: {error}"
        else:
            return None
    return problem


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_in_the_documents_parses(document, monkeypatch, capsys):
    commands = commands_in((ROOT / document).read_text())
    assert len(commands) >= 3
    assert [problem for command in commands if (problem := unparsed(command, monkeypatch))] == [], (
        capsys.readouterr().err
    )
    named = {Path(command.split()[0]).stem for command in commands}
    if document == "README.md":
        assert {
            "pretrain_mlm",
            "pretrain",
            "pretrain_mim",
            "compare",
            "fine_tune",
            "publish",
            "app",
            "deploy_space",
        } <= named
    if document.startswith("scripts"):
        assert {"masked_language", "images", "clustering", "space"} <= named


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_command_in_the_docstring_of_a_script_parses(script, monkeypatch, capsys):
    text = ast.get_docstring(ast.parse((ROOT / script).read_text()))
    commands = [command for command in commands_in(text) if not command.split("  #")[0].rstrip().endswith("--help")]
    assert commands or script == "scripts/pretrain.py"
    assert [problem for command in commands if (problem := unparsed(command, monkeypatch))] == [], (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "command",
    [
        "scripts/compare.py --dataset_nam user/data",
        "scripts/pretrain_mim.py --objective beit",
        "scripts/pretrain.py --dataset_name user/data",
        "scripts/fine_tune.py runs/mine",
        "scripts/publish.py --hub_model_id user/model",
        "scripts/pretrain.py --config scripts/configs/nowhere.yaml --task rotation",
    ],
)
def test_a_command_that_does_not_parse_is_found(command, monkeypatch):
    """The negative control."""
    assert unparsed(command, monkeypatch)


def test_every_script_is_run_by_a_test():
    """pretrain_mlm.py is what the tests run where they name none."""
    tests = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    for script in SCRIPTS:
        name = script.removeprefix("scripts/")
        tested = [
            text for text in tests if f'"{name}"' in text or (script.startswith("spaces") and Path(script).name in text)
        ]
        benchmarks = [text for text in tests if "benchmarks/{script}" in text and f'"{Path(script).name}"' in text]
        assert tested or benchmarks or name == "pretrain_mlm.py", script


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
        assert not re.search(
            r"torch\.load\((?!.*weights_only=True)|import pickle|trust_remote_code=True", path.read_text()
        ), path


@pytest.mark.slow
def test_the_readmes_main_command(tmp_path, cache):
    """The very words, for a shorter time: on the built-in documents, in an empty folder."""
    line = next(
        line for line in (ROOT / "README.md").read_text().splitlines() if line.endswith("--output_dir runs/docs")
    )
    script, *arguments = shlex.split(line.split(" && ")[-1])[1:]
    result = run(*arguments, "--budget=20s", script=Path(script).name, cache=cache, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    results = json.loads((tmp_path / "runs" / "docs" / "results.json").read_text())
    assert results["data"]["name"] == "embedded:docs"
    assert set(results["features"]) == {"pretrained", "untrained", "tfidf", "tfidf_svd"}
    card = ModelCard.load(tmp_path / "runs" / "docs" / "README.md")
    assert line.split(" && ")[-1].split("python ")[1].split()[-1] in card.text
