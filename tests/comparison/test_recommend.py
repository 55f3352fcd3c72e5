"""The recommendation follows the figures: for pretraining, against it, for either use, and silent where there is nothing to say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED, Entry
from hf_ssl.comparison.outcome import ComparisonResults, methods_of
from hf_ssl.comparison.recommend import best_of, recommend
from hf_ssl.comparison.report import _chosen
from hf_ssl.evaluation.cells import Cell
from hf_ssl.evaluation.intervals import Draws, accuracy_interval
from hf_ssl.evaluation.measure import agreement_figures
from hf_ssl.evaluation.measured_rows import Labelled, MeasuredRows

LABELS = np.arange(600) % 3
PART = Labelled([f"text {n}" for n in range(600)], LABELS)
ROWS = MeasuredRows(SimpleNamespace(name="text"), "label", PART, PART, ["a", "b", "c"], [], {})


def entry(family, skill, title=None, seeds=1, folds=None):
    """One whose readouts and clusters are right with this probability, on test rows and (unless told) on folds."""
    cells = []
    for seed in range(seeds):
        generator = np.random.default_rng([len(family), seed])
        arrays, figures = {}, {"folds": {}}
        for name, share in skill.items():
            right = generator.random((1, 600)) < share
            figure = "kmeans_nmi" if name == "kmeans" else f"{name}_accuracy"
            figures["folds"][figure] = share if folds is None else folds
            if name == "kmeans":
                arrays[name] = np.where(right, LABELS, generator.integers(3, size=(1, 600)))
                figures |= agreement_figures(name, ROWS, arrays[name], 0)
            else:
                arrays[name] = np.where(right, LABELS, (LABELS + 1) % 3)
                figures[figure] = accuracy_interval(Draws(LABELS, arrays[name]), 0)
        figures["curve"] = {"10": [skill["linear_100"]], "all": [skill["linear"]]}
        arrays["clustered"] = np.ones((600, 2), np.float32)
        cells.append(Cell(figures, arrays, 1.0))
    name = f"{UNTRAINED}_{PRETRAINED}" if family == UNTRAINED else (title or family).replace(" ", "_")
    return Entry(name, title or f"the {family}", family, cells, 50.0 if family == PRETRAINED else 0.0)


def skill(share, **others):
    return dict.fromkeys(("knn", "linear_100", "linear", "kmeans"), share) | others


def results_of(entries, rows=ROWS):
    return ComparisonResults(
        command="", data={"labelled": 600}, budget={}, seed=0, several_seeds=False, versions={},
        methods=methods_of(entries, rows, 0), supervised={}, numbers_of_clusters={}, clusters={}, density={},
        six_sentences={}, notes=[],
    )  # fmt: skip


def said(*entries, rows=ROWS):
    return recommend(results_of(list(entries), rows), list(entries), rows, 0)


def test_better_at_everything():
    found = said(entry(BASELINE, skill(0.5)), entry(UNTRAINED, skill(0.4)), entry(PRETRAINED, skill(0.9)))
    assert found.sentence.startswith("Pretrain: the pretrained (50 CPU seconds)")
    assert sum(": better (" in reason for reason in found.reasons) == 4
    assert any("learned something" in reason for reason in found.reasons)
    assert all(verdict["difference"]["low"] > 0 for verdict in found.verdicts.values())


@pytest.mark.parametrize(("share", "words"), [(0.9, "was worse in every"), (0.6, "was not better in any")])
def test_worse_or_no_better(share, words):
    found = said(entry(BASELINE, skill(share)), entry(UNTRAINED, skill(0.7)), entry(PRETRAINED, skill(0.6)))
    assert found.sentence.startswith("Do not pretrain: use the baseline. Pretraining (the pretrained; 50 CPU seconds)")
    assert words in found.sentence
    assert any("learned nothing" in reason for reason in found.reasons)


def test_it_depends():
    found = said(entry(BASELINE, skill(0.6, linear=0.95)), entry(PRETRAINED, skill(0.9), seeds=3))
    assert found.sentence.startswith("It depends on the use.")
    assert "a linear classifier on all labels (the baseline)" in found.sentence
    assert any("10" in reason and ("enough" in reason or "more labels" in reason) for reason in found.reasons)


def test_nothing_was_pretrained():
    assert said(entry(BASELINE, skill(0.6))).sentence.startswith("Cluster the baseline: nothing was pretrained")


def test_methods_are_chosen_by_folds_of_the_bank_and_never_by_test_figures():
    """The best one on test rows is not the one that folds choose."""
    lucky = entry(PRETRAINED, skill(0.95), title="lucky", folds=0.7)
    better = entry(PRETRAINED, skill(0.8), title="better", folds=0.9)
    plain = entry(BASELINE, skill(0.5))
    entries = [plain, lucky, better]
    results = results_of(entries)
    for figure in ("knn_accuracy", "linear_accuracy", "linear_100_accuracy", "kmeans_nmi"):
        assert best_of(entries, PRETRAINED, figure).title == "better"
        assert _chosen(results.methods, figure) == "better"  # in bold in the report
        assert results.methods["lucky"].figures[figure]["mean"] > results.methods["better"].figures[figure]["mean"]
    found = recommend(results, entries, ROWS, 0)
    assert {verdict["pretrained"] for verdict in found.verdicts.values()} == {"better"}
    assert "better" in found.sentence
    assert "lucky" not in found.sentence
    # A control: other folds, another choice.
    other = [plain, replace_folds(lucky, 0.99), better]
    assert best_of(other, PRETRAINED, "knn_accuracy").title == "lucky"


def replace_folds(one, score):
    cells = [replace(c, figures=c.figures | {"folds": dict.fromkeys(c.figures["folds"], score)}) for c in one.cells]
    return replace(one, cells=cells)


def test_exchanging_the_test_labels_changes_figures_but_no_choice():
    entries = [
        entry(BASELINE, skill(0.5), title="first"),
        entry(BASELINE, skill(0.7), title="second"),
        entry(UNTRAINED, skill(0.4)),
        entry(PRETRAINED, skill(0.9), title="one"),
        entry(PRETRAINED, skill(0.8), title="two", folds=0.99),
    ]
    exchanged = replace(ROWS, test=Labelled(PART.inputs, (LABELS + 1) % 3))
    first, other = said(*entries), said(*entries, rows=exchanged)
    for figure, verdict in first.verdicts.items():
        assert verdict["difference"] != other.verdicts[figure]["difference"] or figure == "kmeans_nmi"
        for family in ("baseline", "pretrained"):
            assert (
                verdict[family] == other.verdicts[figure][family] == {"baseline": "second", "pretrained": "two"}[family]
            )


def test_several_seeds_are_draws_and_their_folds_are_averaged():
    """One lucky seed does not win; its figures are a mean over seeds, with an interval over them."""
    several = entry(PRETRAINED, skill(0.8), seeds=3)
    steady = entry(PRETRAINED, skill(0.8), title="steady", seeds=3, folds=0.85)
    lucky = replace(several, cells=[replace_folds(several, score).cells[n] for n, score in enumerate((0.99, 0.5, 0.5))])
    assert best_of([lucky, steady], PRETRAINED, "knn_accuracy").title == "steady"
    figures = methods_of([several], ROWS, 0)[PRETRAINED].figures
    by_seed = [cell.figures["knn_accuracy"]["mean"] for cell in several.cells]
    assert figures["knn_accuracy"]["mean"] == pytest.approx(np.mean(by_seed))
    assert [each["knn_accuracy"] for each in figures["by_seed"]] == by_seed
    assert figures["folds"]["knn_accuracy"] == pytest.approx(0.8)
    assert len(figures["curve"]["all"]) == 3


def test_results_are_written_and_read_back(tmp_path):
    entries = [entry(BASELINE, skill(0.5)), entry(PRETRAINED, skill(0.9))]
    results = replace(results_of(entries), recommendation=said(*entries))
    (tmp_path / "results.json").write_text(results.text())
    assert ComparisonResults.read(tmp_path / "results.json") == results
    (tmp_path / "results.json").write_text('{"kind": "comparison"}')
    with pytest.raises((KeyError, TypeError)):
        ComparisonResults.read(tmp_path / "results.json")
