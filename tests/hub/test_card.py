"""The card: metadata the Hub reads, nothing executed or broken by what a user named things, a loading block that works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import SMALL, pretrain
from huggingface_hub import ModelCard
from huggingface_hub._eval_results import parse_eval_result_entries
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.common.run_folder import RunFolder
from hf_ssl.runs.card import BEGIN, BEGINS, END, ENDS, card_text, notes_of, write_card
from hf_ssl.runs.metadata import evaluation_file
from hf_ssl.runs.results import read_results
from hf_ssl.runs.table import FIGURES


@pytest.fixture(scope="module")
def finished(parquet, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("card") / "my run"
    pretrain(*SMALL, "--dataset_name", parquet, "--output_dir", folder)
    return folder


def test_metadata_hold_the_figures(finished):
    results = json.loads((finished / "results.json").read_text())
    data = ModelCard.load(finished / "README.md").data
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "fill-mask"
    values = {result.metric_type: result.metric_value for result in data.eval_results}
    assert values["loss"] == results["heldout"]["loss"]
    assert values["knn_accuracy"] == results["features"]["pretrained"]["knn_accuracy"]["mean"]
    assert {result.dataset_revision for result in data.eval_results} == {results["data"]["revision"]}


def test_the_body_says_what_how_and_what_it_was_worth(finished):
    text = (finished / "README.md").read_text()
    for part in ("## Data", "## Evaluation", "## Use", "## Training", "## Limits", "tfidf_svd", "untrained"):
        assert part in text
    assert "![loss curve](plots/loss.png)" in text
    assert (finished / "plots" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert "--max_steps=12" in text
    assert "{{" not in text
    assert "{%" not in text


@pytest.mark.slow
def test_the_loading_block_runs_without_our_package(finished, tmp_path):
    block = re.search(r"```python\n(.*?)```", (finished / "README.md").read_text(), re.S).group(1)
    shutil.copytree(finished / "model", tmp_path / "model")
    hide = "import sys; sys.modules['hf_ssl'] = None\n"
    result = subprocess.run([sys.executable, "-c", hide + block], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "MISSING" not in result.stderr + result.stdout
    assert result.stdout.endswith("\n")  # the word itself may be white space


HOSTILE = [
    "```\n# a heading\n```",
    "'x` ; touch /tmp/P ; `y'",
    "# a heading",
    BEGIN,
    END,
    "\x85",
    "a\u2028b",
    "\r\n",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "---",
    "a\nb: c",
    "`rm`",
    "|x|",
    "é" * 300,
    "[a](javascript:b)",
]


@pytest.fixture(scope="module")
def hostile(finished, tmp_path_factory) -> Path:
    """A run folder for cards only."""
    return tmp_path_factory.mktemp("hostile")


@settings(max_examples=300, deadline=None)
@given(
    name=st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=40)),
    label=st.sampled_from(HOSTILE),
    column=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)),
    measured=st.booleans(),
)
def test_hostile_names_are_text(finished, hostile, name, label, column, measured):
    results = read_results(RunFolder.existing(finished))
    data = replace(results.data, name=name, label_column=label, license=label, language=[label])
    command = shlex.join(["python", "x.py", "--dataset_name", name, label, column])
    results = replace(results, data=data, command=command)
    if not measured:
        results = replace(results, features=None, features_note=f"column {column} is of one kind")
    config = yaml.safe_load((finished / "config.yaml").read_text())
    config |= {"dataset_name": name, "text_column": column, "label_column": label, "train_split": name}
    headings = re.findall("^#+ .*", (finished / "README.md").read_text(), re.M)
    headings[0] = f"# {hostile.name}"
    folder = RunFolder(hostile, config | {"eval_split": label, "tokenizer_name": column})
    card = ModelCard(card_text(folder, results, None, ""))
    assert card.data.eval_results[0].dataset_name == name
    assert {"license": card.data.license, "license_name": card.data.get("license_name")} == {
        "license": "other", "license_name": label
    }  # fmt: skip
    assert card.data.language == [label]
    command = re.search(r"^(```+)sh\n(.*?)\n\1$", card.text, re.S | re.M).group(2)
    assert shlex.split(command) == shlex.split(results.command)  # who pastes it runs what was run
    outside_code = re.sub(r"^(```+).*?^\1$|`[^`\n]*`", "", card.text, flags=re.S | re.M)
    assert "<script>" not in outside_code
    assert "javascript:" not in outside_code
    assert re.findall("^#+ .*", outside_code, re.M) == headings
    assert "<script>" in card.text or "<script>" not in name + label
    assert notes_of(card.text) == ""  # the marked lines are the last ones
    if name == "{{ 7 * 7 }}":
        assert name in card.text  # shown, not computed


def test_notes_of_the_owner_are_kept(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    folder = RunFolder.existing(tmp_path / "run")
    results = read_results(folder)
    notes = "## From me\n\n{{ 7 * 7 }} <b>bold</b>\n---\n`code`"
    text = folder.card.read_text()
    assert notes_of(text) == ""
    folder.card.write_text(text.replace(BEGIN, f"{BEGIN}\n{notes}").replace("## Limits", "## Changed by hand"))
    write_card(folder, results)
    assert notes_of(folder.card.read_text()) == notes
    assert "## Limits" in folder.card.read_text()
    assert "## Changed by hand" not in folder.card.read_text()
    (before,), (after,) = BEGINS - {BEGIN}, ENDS - {END}  # of older versions
    folder.card.write_text(folder.card.read_text().replace(BEGIN, before).replace(END, after))
    write_card(folder, results)
    assert notes_of(folder.card.read_text()) == notes
    assert BEGIN in folder.card.read_text()


def test_the_body_names_what_differs_from_the_defaults(finished):
    table = (finished / "README.md").read_text().split("| flag | value | default |")[1]
    assert "| max_steps | `12` | `500` |" in table
    assert "| mixed_precision | `no` | `auto` |" in table
    assert "| learning_rate | `0.01` | `depends on task, modality" in table  # a default in words
    assert "| weight_decay" not in table
    assert "| output_dir" not in table


def test_results_as_a_file_of_the_hub(finished):
    results = read_results(RunFolder.existing(finished))
    assert evaluation_file(results) is None  # a local data set has no address
    results = replace(results, data=replace(results.data, name="user/data", on_hub=True))
    entries = parse_eval_result_entries(yaml.safe_load(evaluation_file(results)))
    values = {entry.task_id: entry.value for entry in entries}
    assert values == {key: results.features["pretrained"][key]["mean"] for key in FIGURES}
    assert {entry.dataset_id for entry in entries} == {"user/data"}
    assert {entry.dataset_revision for entry in entries} == {results.data.revision}
