"""Whole comparisons through the script: the report, stopping and going on, the same twice, all kinds of data."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from comparing import SHORT, compare, results_of, table
from conftest import command, pretrain, run, sentences, write_images

from hf_ssl.common.errors import UserError
from hf_ssl.comparison.budget import Plan
from hf_ssl.evaluation.measure import Effort


def without_cost(value):
    """Results but for what differs between two runs that are the same: seconds, folders."""
    if isinstance(value, dict):
        return {k: without_cost(v) for k, v in value.items() if "cpu_seconds" not in k and k != "command"}
    if isinstance(value, list):
        return [without_cost(item) for item in value]
    return re.sub(r"\d+ CPU seconds", "", value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def finished(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared") / "run"
    compare("--dataset_name", parquet, "--output_dir", folder)
    return folder


@pytest.mark.slow
def test_the_report_says_all_in_all_three_forms(finished):
    results = results_of(finished)
    assert list(results["methods"]) == ["tfidf", "tfidf_svd", "untrained_contrastive", "contrastive"]
    for method in results["methods"].values():
        for name in ("knn_accuracy", "linear_accuracy", "linear_100_accuracy", "kmeans_nmi", "kmeans_accuracy"):
            figure = method["figures"][name]
            assert -0.05 <= figure["low"] <= figure["mean"] <= figure["high"] <= 1.05
    page, text = (finished / "report.html").read_text(), (finished / "report.md").read_text()
    sentence = results["recommendation"]["sentence"]
    assert sentence in page.replace("&#39;", "'")
    for title in ("TF-IDF + SVD", "contrastive, pretrained"):
        assert title in page
        assert title in text.replace("\\", "")
    assert results["budget"]["plan"]["left_out"]
    assert results["budget"]["plan"]["left_out"][0] in page
    for word in ("Supervised", "Self-supervised", "Unsupervised", "Semi-supervised", "Weakly supervised"):
        assert word in page
        assert word in text
    for file in results["plots"].values():
        assert (finished / file).stat().st_size > 1000


@pytest.mark.slow
def test_the_page_needs_nothing_but_itself(finished):
    page = (finished / "report.html").read_text()
    outside = [link for link in re.findall(r"""(?:src|href)=["']([^"'#]+)""", page) if not link.startswith("data:")]
    assert outside == []
    assert "<script" not in page
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_six_sentences_are_shown_for_every_route(finished):
    found = results_of(finished)["six_sentences"]
    assert len(found["sentences"]) == 6
    assert found["groups"] == ["fox", "fox", "dog", "dog", "fox", "fox"]
    assert any(route["right"] for route in found["routes"].values())
    assert {"TF-IDF", "contrastive, pretrained"} <= set(found["routes"])


@pytest.mark.slow
def test_it_goes_on_where_it_was_killed_and_is_the_same_twice(finished, parquet, cache, tmp_path):
    words = [*SHORT, "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    (tmp_path / "run").mkdir()
    shutil.copy(finished / "plan.json", tmp_path / "run")  # made for the same speed
    process = subprocess.Popen(
        command(*words, script="compare.py"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while not list((tmp_path / "run" / "cells").glob("tfidf_svd-*")) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "cells").iterdir()}
    assert kept
    assert not (tmp_path / "run" / "results.json").exists()
    done = run(*words, cache=cache, script="compare.py")
    assert done.returncode == 0, done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "cells").iterdir()}
    assert all(after[name] == when for name, when in kept.items())
    assert without_cost(results_of(tmp_path / "run")) == without_cost(results_of(finished))
    # A control: another seed is another comparison.
    compare("--dataset_name", parquet, "--output_dir", tmp_path / "other", "--seed=1")
    assert without_cost(results_of(tmp_path / "other")["methods"]) != without_cost(results_of(finished)["methods"])


@pytest.mark.slow
def test_networks_are_trained_with_labels_too_and_leave_no_checkpoints(parquet, tmp_path, monkeypatch):
    """As a longer budget would have it."""
    plan = Plan((400, 300), {"contrastive": 4}, Effort(1, 2), (5,), 1, 4, 6, 50, ())
    monkeypatch.setattr("hf_ssl.comparison.compare.plan_for", lambda *_arguments: plan)
    left_behind = tmp_path / "run" / "trainings" / "fine_tuned_5_0"
    compare("--dataset_name", parquet, "--output_dir", tmp_path / "run", "--pretraining_seeds=2")
    assert not (tmp_path / "run" / "trainings").exists()
    results = results_of(tmp_path / "run")
    (kinds,) = results["supervised"].values()
    assert {kind: list(counts) for kind, counts in kinds.items()} == {
        "fine_tuned": ["1", "5"],  # a hundredth of the labels is one a class
        "from_scratch": ["1", "5"],
        "from_scratch_equal_compute": ["1"],
    }
    for counts in kinds.values():
        for found in counts.values():
            assert 0 <= found["accuracy"]["low"] <= found["accuracy"]["mean"] <= found["accuracy"]["high"] <= 1
            assert len(found["by_seed"]) == 2
    assert "from scratch, equal compute" in (tmp_path / "run" / "report.html").read_text()
    assert any("from scratch" in reason for reason in results["recommendation"]["reasons"])
    # What a kill left behind is taken away as well.
    left_behind.mkdir(parents=True)
    (tmp_path / "run" / "results.json").unlink()
    compare("--dataset_name", parquet, "--output_dir", tmp_path / "run", "--pretraining_seeds=2")
    assert not left_behind.exists()
    assert without_cost(results_of(tmp_path / "run")) == without_cost(results)


@pytest.mark.slow
def test_images_without_labels(tmp_path):
    data = write_images(tmp_path / "pictures", labelled=False)
    compare("--dataset_name", data, "--output_dir", tmp_path / "run", "--image_size=16")
    results = results_of(tmp_path / "run")
    assert set(results["methods"]) == {"pixels", "pca_whitened", "patch_kmeans", "untrained_contrastive", "contrastive"}
    assert "no label column" in results["notes"][0]
    assert "cannot be judged without labels" in results["recommendation"]["sentence"] or "hardly" in results[
        "recommendation"]["sentence"]  # fmt: skip
    assert not any("knn_accuracy" in method["figures"] for method in results["methods"].values())
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("data:image/png;base64") > 6


def test_six_sentences_as_a_data_set(tmp_path, capsys):
    compare("--dataset_name=embedded:sentences", "--output_dir", tmp_path / "run")
    results = results_of(tmp_path / "run")
    assert results["methods"]["tfidf"]["figures"]["kmeans_accuracy"]["mean"] == 1
    assert "too few" in " ".join(results["notes"])
    assert "nothing was pretrained" in results["recommendation"]["sentence"]


def test_a_few_labels_among_many_rows(tmp_path):
    texts, labels = sentences(150)
    some = [label if number < 40 else None for number, label in enumerate(labels)]
    compare("--dataset_name", table(tmp_path / "data", texts, label=some), "--output_dir", tmp_path / "run")
    results = results_of(tmp_path / "run")
    assert "110 of 150 rows have no label" in results["notes"][0]
    assert results["data"]["labelled"] < 41
    figures = results["methods"]["tfidf_svd"]["figures"]
    assert 0 <= figures["kmeans_nmi"]["mean"] <= 1
    assert results["kind"] == "comparison"
    with pytest.raises(UserError, match="holds a comparison"):
        pretrain(tmp_path / "run", script="publish.py")


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--clusters=1000000000"], "--clusters 1000000000 is more than the 600 rows"),
        (["--clusters=0"], "--clusters must be at least 1"),
        (["--task=rotation"], "--task rotation is not for text"),
        (["--task=nothing"], "there is no task 'nothing'"),
        (["--run=/nowhere"], "not the folder of a run"),
        (["--text_column=nowhere"], "has no column 'nowhere'"),
        (["--budget=1s"], "too short"),
    ],
)
def test_nonsense_is_one_sentence_and_leaves_nothing(parquet, tmp_path, flags, match):
    try:
        compare("--dataset_name", parquet, "--output_dir", tmp_path / "run", *flags)
    except (UserError, SystemExit) as error:
        told = str(error)
    else:
        pytest.fail("it was not refused")
    if not told.isdigit():  # what a flag alone makes wrong is told by the parser, with status 2
        assert re.search(match, told)
        assert "\n" not in told
    assert not (tmp_path / "run").exists()


def test_it_says_what_it_does_before_it_reads_anything(parquet, tmp_path, monkeypatch, capsys):
    """Within two seconds: here before the first thing that takes any time."""

    def begun(*_arguments):
        raise UserError(capsys.readouterr().out)

    monkeypatch.setattr("hf_ssl.comparison.compare.open_source", begun)
    with pytest.raises(UserError, match=f"reading '{parquet}'"):
        compare("--dataset_name", parquet, "--output_dir", tmp_path / "run")
