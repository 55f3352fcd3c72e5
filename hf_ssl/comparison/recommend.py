"""Should I pretrain, cluster, or pay for labels? An answer in plain words, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED, Entry
from hf_ssl.comparison.outcome import ComparisonResults, Recommendation
from hf_ssl.evaluation.intervals import Draws, accuracy_difference, agreement_difference
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.evaluation.metrics import AGREEMENTS

QUESTIONS = {
    "kmeans_nmi": "clusters (k-means, NMI with the labels)",
    "knn_accuracy": "nearest neighbours",
    "linear_100_accuracy": "a linear classifier on 100 labels",
    "linear_accuracy": "a linear classifier on all labels",
}
NEAR_ENOUGH = 0.02  # of the accuracy with all labels
HARDLY_STABLE = 0.5  # adjusted Rand index


@dataclass(frozen=True)
class Verdict:
    """Which method is better in one figure.

    Attributes:
        figure: a key of QUESTIONS.
        baseline: the best baseline.
        pretrained: the best pretrained network.
        difference: pretrained minus baseline: "mean", "low", "high" of a 95 % interval.
    """

    figure: str
    baseline: Entry
    pretrained: Entry
    difference: dict[str, float]

    @property
    def side(self) -> int:
        """Return 1 if pretraining is better beyond the interval, -1 if the baseline is, else 0."""
        return int(self.difference["low"] > 0) - int(self.difference["high"] < 0)


def best_of(entries: list[Entry], family: str, figure: str) -> Entry | None:
    """Return the best method of a family on folds of the labelled bank; test figures play no part.

    Without labels, return the last one with dense features.
    """
    mine = [entry for entry in entries if entry.family == family]
    measured = [entry for entry in mine if figure in entry.cells[0].figures["folds"]]
    if measured:
        return max(measured, key=lambda entry: float(np.mean([cell.figures["folds"][figure] for cell in entry.cells])))
    return next((entry for entry in reversed(mine) if entry.points is not None), None)


def recommend(results: ComparisonResults, entries: list[Entry], rows: MeasuredRows, seed: int) -> Recommendation:
    """Turn the figures into a recommendation."""
    if not rows.names:
        return _without_labels(results, entries)
    asked = [_verdict(figure, entries, rows, seed) for figure in QUESTIONS]
    verdicts = [verdict for verdict in asked if verdict is not None]
    reasons = [_reason(verdict, results) for verdict in verdicts]
    reasons += _against_untrained(results, entries) + _labels(results, entries) + _supervised(results)
    found = {
        verdict.figure: {
            "baseline": verdict.baseline.name,
            "pretrained": verdict.pretrained.name,
            "difference": verdict.difference,
        }
        for verdict in verdicts
    }
    return Recommendation(_sentence(verdicts, entries), reasons, found)


def _verdict(figure: str, entries: list[Entry], rows: MeasuredRows, seed: int) -> Verdict | None:
    baseline, pretrained = (best_of(entries, family, figure) for family in (BASELINE, PRETRAINED))
    if baseline is None or pretrained is None or figure not in baseline.cells[0].figures["folds"]:
        return None
    array = "kmeans" if figure == "kmeans_nmi" else figure.removesuffix("_accuracy")
    mine, other = pretrained.stacked(array), baseline.stacked(array)
    if mine is None or other is None:
        return None
    if array == "kmeans":
        known = rows.clustered.labels >= 0
        truth = rows.clustered.labels[known]
        draws = Draws(truth, mine[:, known]), Draws(truth, other[:, known])
        difference = agreement_difference(AGREEMENTS["nmi"](), *draws, seed)
    else:
        truth = rows.test.labels[rows.test.labels >= 0]
        difference = accuracy_difference(Draws(truth, mine), Draws(truth, other), seed)
    return Verdict(figure, baseline, pretrained, difference)


def _sentence(verdicts: list[Verdict], entries: list[Entry]) -> str:
    if not verdicts:
        entry = best_of(entries, BASELINE, "kmeans_nmi")
        assert entry is not None, "there is always a baseline"
        return f"Cluster {entry.title}: nothing was pretrained, so pretraining cannot be judged."
    better = [verdict for verdict in verdicts if verdict.side > 0]
    worse = [verdict for verdict in verdicts if verdict.side < 0]
    networks = {verdict.pretrained.title: verdict.pretrained for verdict in verdicts}
    cost = f"{sum(network.training_cpu_seconds for network in networks.values()):.0f} CPU seconds"
    if len(better) == len(verdicts):
        one = len(networks) == 1
        return f"Pretrain: {_listed(list(networks))} ({cost}) {'is' if one else 'are'} better than every baseline in every figure."
    if not better:
        how = "worse in every figure" if len(worse) == len(verdicts) else "not better in any figure"
        taken = _listed(list(dict.fromkeys(verdict.baseline.title for verdict in verdicts)))
        return (
            f"Do not pretrain: use {taken}. Pretraining ({_listed(list(networks))}; {cost}) was {how} than the best baseline, "
            "so it does not pay off here."
        )
    gains = _listed([QUESTIONS[verdict.figure] for verdict in better])
    others = [verdict for verdict in verdicts if verdict.side <= 0]
    rest = _listed([f"{QUESTIONS[verdict.figure]} ({verdict.baseline.title})" for verdict in others])
    return f"It depends on the use. Pretraining ({cost}) pays for {gains}, but not for {rest}: use the baseline there."


def _reason(verdict: Verdict, results: ComparisonResults) -> str:
    name = verdict.figure
    figures = [results.methods[entry.name].figures[name]["mean"] for entry in (verdict.pretrained, verdict.baseline)]
    word = {1: "better", 0: "not clearly different", -1: "worse"}[verdict.side]
    difference = verdict.difference
    return (
        f"For {QUESTIONS[name]}: {verdict.pretrained.title} {figures[0]:.3f}, the best baseline ({verdict.baseline.title}) "
        f"{figures[1]:.3f}: {word} (difference {difference['mean']:+.3f}, 95 % interval {difference['low']:+.3f} to "
        f"{difference['high']:+.3f})."
    )


def _against_untrained(results: ComparisonResults, entries: list[Entry]) -> list[str]:
    pretrained = best_of(entries, PRETRAINED, "linear_100_accuracy")
    untrained = next(
        (entry for entry in entries if pretrained and entry.name == f"{UNTRAINED}_{pretrained.name}"), None
    )
    if pretrained is None or untrained is None or "knn_accuracy" not in pretrained.cells[0].figures:
        return []
    mine, other = (results.methods[entry.name].figures["knn_accuracy"]["mean"] for entry in (pretrained, untrained))
    verb = "learned something" if mine > other else "learned nothing useful for these labels"
    return [f"The network {verb}: kNN {mine:.3f}, against {other:.3f} for the same network without training."]


def _labels(results: ComparisonResults, entries: list[Entry]) -> list[str]:
    """Say what labels are worth, with the features that do best with all of them."""
    measured = [entry for entry in entries if "curve" in entry.cells[0].figures]
    if not measured:
        return []
    best = max(measured, key=lambda entry: _on_folds(results, entry, "linear_accuracy"))
    curves = {entry.title: _means(results, entry) for entry in measured}
    total = results.data["labelled"]
    with_all = curves[best.title]["all"]
    counts = [count for count in curves[best.title] if count != "all"]
    enough = next(
        (c for c in counts if max(curve.get(c, 0) for curve in curves.values()) >= with_all - NEAR_ENOUGH), None
    )
    clustered = max(measured, key=lambda entry: _on_folds(results, entry, "kmeans_nmi"))
    clusters = results.methods[clustered.name].figures["kmeans_accuracy"]["mean"]
    one = f"Labels: all {total:,} give an accuracy of {with_all:.3f} ({best.title})"
    if enough is None:
        one += f"; with {counts[-1]} per class it is {max(c[counts[-1]] for c in curves.values()):.3f}, so more labels still help."
    else:
        one += f"; {enough} per class are enough to come within {NEAR_ENOUGH:.2f} of that, so more labels gain little."
    two = (
        "Clusters need no labels (although some chose the features): with each cluster matched to one label, those of "
        f"{clustered.title} reach an accuracy of {clusters:.3f}."
    )
    return [one, two]


def _supervised(results: ComparisonResults) -> list[str]:
    sentences = []
    for network, kinds in results.supervised.items():
        for count in kinds.get("from_scratch_equal_compute", {}):
            tuned, same, equal = (
                kinds[kind][count]["accuracy"] for kind in ("fine_tuned", "from_scratch", "from_scratch_equal_compute")
            )
            labels = kinds["fine_tuned"][count]["labels"]
            sentences.append(
                f"With {labels} labels ({count} per class), fine-tuning the whole network of {network} reaches "
                f"{tuned['mean']:.3f} ({tuned['low']:.3f} to {tuned['high']:.3f}); training from scratch {same['mean']:.3f}, "
                f"and {equal['mean']:.3f} ({equal['low']:.3f} to {equal['high']:.3f}) with equal compute."
            )
    return sentences


def _without_labels(results: ComparisonResults, entries: list[Entry]) -> Recommendation:
    numbers = results.numbers_of_clusters
    titles = {entry.name: entry.title for entry in entries}
    reasons = []
    for name, found in numbers.items():
        chosen = str(found["chosen"])
        stability, silhouette = (found["figures"][key][chosen] for key in ("stability", "silhouette"))
        reasons.append(
            f"{_capital(titles[name])}: {chosen} clusters have the best support (stability {stability:.2f} of 1, silhouette "
            f"{silhouette:.2f})."
        )
    if not numbers:
        sentence = "There is nothing to cluster: there are too few rows, or all are alike."
        return Recommendation(sentence, reasons, {})
    best = max(numbers, key=lambda name: numbers[name]["figures"]["stability"][str(numbers[name]["chosen"])])
    stability = numbers[best]["figures"]["stability"][str(numbers[best]["chosen"])]
    sentence = (
        f"Cluster {titles[best]} into {numbers[best]['chosen']} groups, the best separated of the stable ones. Whether "
        "pretraining pays off cannot be judged without labels: label a few hundred rows and compare again."
    )
    if stability < HARDLY_STABLE:
        sentence = (
            f"There are hardly any clusters: the most stable ones ({titles[best]}) have an agreement of only "
            f"{stability:.2f} between halves of the rows. Label a few hundred rows and compare again."
        )
    return Recommendation(sentence, reasons, {})


def _on_folds(results: ComparisonResults, entry: Entry, figure: str) -> float:
    return float(results.methods[entry.name].figures["folds"].get(figure, -1.0))


def _means(results: ComparisonResults, entry: Entry) -> dict[str, float]:
    curve = results.methods[entry.name].figures["curve"]
    return {count: float(np.mean(values)) for count, values in curve.items()}


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
