"""The recommendation follows the figures: for pretraining, against it, for either use, and silent where there is nothing to say."""

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from hf_ssl.comparison.cells import Cell
from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED, Entry
from hf_ssl.comparison.recommend import recommend
from hf_ssl.comparison.results import methods_of
from hf_ssl.evaluation.intervals import accuracy_interval, agreement_interval
from hf_ssl.evaluation.labelled import Labelled
from hf_ssl.evaluation.rows import ComparedRows

LABELS = np.arange(600) % 3
ROWS = ComparedRows(
    "text", "text", "label", Labelled(["x"] * 600, LABELS), Labelled(["x"] * 600, LABELS), ["a", "b", "c"], [], {}
)


def entry(family, skill, title=None, seeds=1):
    """One whose readouts and clusters are right with this probability."""
    cells = []
    for seed in range(seeds):
        generator = np.random.default_rng([len(family), seed])
        arrays, figures = {}, {}
        for name, share in skill.items():
            right = generator.random((1, 600)) < share
            if name == "kmeans":
                arrays[name] = np.where(right, LABELS, generator.integers(3, size=(1, 600)))
                for key in ("nmi", "ari", "accuracy"):
                    figures[f"kmeans_{key}"] = agreement_interval(normalized_mutual_info_score, LABELS, arrays[name], 0)
            else:
                arrays[f"{name}_right"] = right
                figures[f"{name}_accuracy"] = accuracy_interval(right, 0)
        figures["curve"] = {"10": [skill["linear_100"]], "all": [skill["linear"]]}
        arrays["clustered"] = np.ones((600, 2), np.float32)
        cells.append(Cell(figures, arrays, 1.0))
    name = f"{UNTRAINED}_{PRETRAINED}" if family == UNTRAINED else family
    return Entry(name, title or f"the {family}", family, cells, 50.0 if family == PRETRAINED else 0.0)


def skill(share, **others):
    return dict.fromkeys(("knn", "linear_100", "linear", "kmeans"), share) | others


def said(*entries):
    results = {"methods": methods_of(list(entries), ROWS, 0), "supervised": {}, "data": {"labelled": 600}}
    results["numbers_of_clusters"] = {}
    return recommend(results, list(entries), ROWS, 0)


def test_better_at_everything():
    found = said(entry(BASELINE, skill(0.5)), entry(UNTRAINED, skill(0.4)), entry(PRETRAINED, skill(0.9)))
    assert found["sentence"].startswith("Pretrain: the pretrained (50 CPU seconds)")
    assert sum(": better (" in reason for reason in found["reasons"]) == 4
    assert any("learned something" in reason for reason in found["reasons"])
    assert all(verdict["difference"]["low"] > 0 for verdict in found["verdicts"].values())


@pytest.mark.parametrize(("share", "words"), [(0.9, "was worse than"), (0.6, "was no better than")])
def test_worse_or_no_better(share, words):
    found = said(entry(BASELINE, skill(share)), entry(UNTRAINED, skill(0.7)), entry(PRETRAINED, skill(0.6)))
    assert found["sentence"].startswith(
        "Do not pretrain: take the baseline. What was pretrained (the pretrained; 50 CPU seconds)"
    )
    assert words in found["sentence"]
    assert any("learned nothing" in reason for reason in found["reasons"])


def test_it_depends():
    found = said(entry(BASELINE, skill(0.6, linear=0.95)), entry(PRETRAINED, skill(0.9), seeds=3))
    assert found["sentence"].startswith("It depends on the use.")
    assert "does not for a linear classifier from all labels (the baseline)" in found["sentence"]
    assert any("10 a class are enough" in reason or "more labels still pay" in reason for reason in found["reasons"])


def test_nothing_was_pretrained():
    assert said(entry(BASELINE, skill(0.6)))["sentence"].startswith("Cluster the baseline: nothing was pretrained")
