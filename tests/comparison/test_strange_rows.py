"""Comparisons of rows that are all alike, of many labels, and of hostile words."""

from __future__ import annotations

import re

import pytest
from comparing import compare, results_of, table
from conftest import run, sentences

from hf_ssl.common.errors import UserError


def test_rows_that_are_all_alike_make_one_cluster(tmp_path, capsys):
    same = table(tmp_path / "same", ["the same words every time"] * 100)
    with pytest.raises(UserError, match="all texts in column 'text' are the same"):
        compare("--dataset_name", same, "--output_dir", tmp_path / "run")
    data = table(tmp_path / "data", ["the same words every time" + "!" * number for number in range(100)])
    compare("--dataset_name", data, "--output_dir", tmp_path / "run")
    results = results_of(tmp_path / "run")
    assert results["methods"]["tfidf_svd"]["figures"]["kmeans_clusters"] == 1
    assert "nothing to cluster" in results["recommendation"]["sentence"]
    assert "all rows are alike" in capsys.readouterr().err


@pytest.mark.slow
def test_many_labels_of_few_rows_are_quiet(tmp_path, cache):
    texts = sentences(240)[0]
    data = table(tmp_path / "data", texts, label=[f"kind {number % 60}" for number in range(240)])
    flags = ["--dataset_name", data, "--budget=20s", "--output_dir", tmp_path / "run"]
    done = run(*flags, script="compare.py", cache=cache)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert len(results_of(tmp_path / "run")["data"]["labels"]) > 30


def test_words_of_others_stay_words(tmp_path):
    hostile = ["<script>alert(1)</script>", "{{ 7 * 7 }}", "a | b `c` **d**", "![x](http://example.org/x.png)"]
    texts = [f"{hostile[n % 4]} {text}" for n, text in enumerate(sentences(120)[0])]
    data = table(tmp_path / "data", texts, label=[hostile[n % 4] for n in range(120)])
    compare("--dataset_name", data, "--output_dir", tmp_path / "run", "--clusters=3")
    page, text = (tmp_path / "run" / "report.html").read_text(), (tmp_path / "run" / "report.md").read_text()
    assert "&lt;script&gt;alert" in page
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page
    assert "<img alt" not in page
    assert "![x](http" not in re.sub(r"`[^`]*`", "", text)
    assert "<script" not in re.sub(r"`[^`]*`", "", text)
