"""Shall I pretrain, shall I cluster, or shall I pay for labels? An answer in plain words, with its reasons."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED, Entry
from hf_ssl.comparison.measure import AGREEMENTS
from hf_ssl.evaluation.intervals import agreement_difference, difference_interval
from hf_ssl.evaluation.rows import ComparedRows

QUESTIONS = {
    "kmeans_nmi": "clusters (k-means, agreement with the labels as NMI)",
    "knn_accuracy": "the nearest neighbours of a row",
    "linear_100_accuracy": "a linear classifier from 100 labels",
    "linear_accuracy": "a linear classifier from all labels",
}
NEAR_ENOUGH = 0.02  # of the accuracy with all labels
HARDLY_STABLE = 0.5  # adjusted Rand index


@dataclass(frozen=True)
class Verdict:
    """Who is better in one figure.

    Attributes:
        figure: of QUESTIONS.
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
        """1: pretraining is better beyond the interval; -1: the baseline is; 0: neither."""
        return int(self.difference["low"] > 0) - int(self.difference["high"] < 0)


def best_of(entries: list[Entry], family: str, figure: str) -> Entry | None:
    """The best of a family in a figure; where it was not measured, the last one whose features can be looked at."""
    mine = [entry for entry in entries if entry.family == family]
    measured = [entry for entry in mine if figure in entry.cells[0].figures]
    if measured:
        return max(measured, key=lambda entry: float(np.mean([cell.figures[figure]["mean"] for cell in entry.cells])))
    return next((entry for entry in reversed(mine) if entry.points is not None), None)


def recommend(results: dict[str, Any], entries: list[Entry], rows: ComparedRows, seed: int) -> dict[str, Any]:
    """Weigh the figures.

    Returns:
        "sentence"; "reasons", sentences; "verdicts": figure -> who is better by how much.
    """
    if not rows.names:
        return _without_labels(results, entries)
    verdicts = [found for figure in QUESTIONS if (found := _verdict(figure, entries, rows, seed))]
    reasons = [_reason(verdict, results) for verdict in verdicts]
    reasons += _against_untrained(results, entries) + _labels(results, entries) + _supervised(results)
    return {
        "sentence": _sentence(verdicts, entries),
        "reasons": reasons,
        "verdicts": {
            verdict.figure: {
                "baseline": verdict.baseline.name,
                "pretrained": verdict.pretrained.name,
                "difference": verdict.difference,
            }
            for verdict in verdicts
        },
    }


def _verdict(figure: str, entries: list[Entry], rows: ComparedRows, seed: int) -> Verdict | None:
    baseline, pretrained = (best_of(entries, family, figure) for family in (BASELINE, PRETRAINED))
    if baseline is None or pretrained is None or figure not in baseline.cells[0].figures:
        return None
    array = "kmeans" if figure == "kmeans_nmi" else figure.replace("_accuracy", "_right")
    mine, other = pretrained.stacked(array), baseline.stacked(array)
    assert mine is not None
    assert other is not None
    if array == "kmeans":
        known = rows.clustered.labels >= 0
        labels = rows.clustered.labels[known]
        difference = agreement_difference(AGREEMENTS["nmi"], labels, mine[:, known], other[:, known], seed)
    else:
        difference = difference_interval(mine, other, seed)
    return Verdict(figure, baseline, pretrained, difference)


def _sentence(verdicts: list[Verdict], entries: list[Entry]) -> str:
    if not verdicts:
        entry = best_of(entries, BASELINE, "kmeans_nmi")
        assert entry is not None, "there is always a baseline"
        return f"Cluster {entry.title}: nothing was pretrained, so nothing can be said for it."
    better = [verdict for verdict in verdicts if verdict.side > 0]
    worse = [verdict for verdict in verdicts if verdict.side < 0]
    networks = {verdict.pretrained.title: verdict.pretrained for verdict in verdicts}
    cost = f"{sum(network.training_cpu_seconds for network in networks.values()):.0f} CPU seconds"
    if len(better) == len(verdicts):
        one = len(networks) == 1
        return f"Pretrain: {_listed(list(networks))} ({cost}) {'is' if one else 'are'} better than every baseline at all that was measured."
    if not better:
        how = "worse than" if len(worse) == len(verdicts) else "no better than"
        taken = _listed(list(dict.fromkeys(verdict.baseline.title for verdict in verdicts)))
        return (
            f"Do not pretrain: take {taken}. What was pretrained ({_listed(list(networks))}; {cost}) was {how} the best baseline "
            "in every figure: pretraining did not pay here."
        )
    gains = _listed([QUESTIONS[verdict.figure] for verdict in better])
    others = [verdict for verdict in verdicts if verdict.side <= 0]
    rest = _listed([f"{QUESTIONS[verdict.figure]} ({verdict.baseline.title})" for verdict in others])
    return f"It depends on the use. Pretraining ({cost}) pays for {gains}. It does not for {rest}: take the baseline there."


def _reason(verdict: Verdict, results: dict[str, Any]) -> str:
    name = verdict.figure
    figures = [
        results["methods"][entry.name]["figures"][name]["mean"] for entry in (verdict.pretrained, verdict.baseline)
    ]
    word = {1: "better", 0: "not clearly different", -1: "worse"}[verdict.side]
    difference = verdict.difference
    return (
        f"For {QUESTIONS[name]}: {verdict.pretrained.title} {figures[0]:.3f}, the best baseline ({verdict.baseline.title}) "
        f"{figures[1]:.3f}: {word} (difference {difference['mean']:+.3f}, 95 % interval {difference['low']:+.3f} to "
        f"{difference['high']:+.3f})."
    )


def _against_untrained(results: dict[str, Any], entries: list[Entry]) -> list[str]:
    pretrained = best_of(entries, PRETRAINED, "linear_100_accuracy")
    untrained = next(
        (entry for entry in entries if pretrained and entry.name == f"{UNTRAINED}_{pretrained.name}"), None
    )
    if pretrained is None or untrained is None or "knn_accuracy" not in pretrained.cells[0].figures:
        return []
    mine, other = (
        results["methods"][entry.name]["figures"]["knn_accuracy"]["mean"] for entry in (pretrained, untrained)
    )
    verb = "learned something" if mine > other else "learned nothing that these labels ask for"
    return [f"The network {verb}: kNN {mine:.3f}, {other:.3f} with the same network before any training."]


def _labels(results: dict[str, Any], entries: list[Entry]) -> list[str]:
    """What labels are worth, on the features that do best with all of them."""
    measured = [entry for entry in entries if "curve" in entry.cells[0].figures]
    if not measured:
        return []
    best = max(measured, key=lambda entry: results["methods"][entry.name]["figures"]["linear_accuracy"]["mean"])
    curves = {entry.title: _means(results, entry) for entry in measured}
    total = results["data"]["labelled"]
    with_all = curves[best.title]["all"]
    counts = [count for count in curves[best.title] if count != "all"]
    enough = next(
        (c for c in counts if max(curve.get(c, 0) for curve in curves.values()) >= with_all - NEAR_ENOUGH), None
    )
    clustered = max(measured, key=lambda entry: results["methods"][entry.name]["figures"]["kmeans_nmi"]["mean"])
    clusters = results["methods"][clustered.name]["figures"]["kmeans_accuracy"]["mean"]
    one = f"Labels: all {total:,} of them reach {with_all:.3f} ({best.title})"
    if enough is None:
        one += f"; with {counts[-1]} a class it is {max(c[counts[-1]] for c in curves.values()):.3f}, so more labels still pay."
    else:
        one += (
            f"; {enough} a class are enough to come within {NEAR_ENOUGH:.2f} of that, so paying for more buys little."
        )
    two = (
        f"Clusters are found without labels (some of which chose the features, though); those of {clustered.title} agree with "
        f"the labels in {clusters:.3f} of the rows when each is named once."
    )
    return [one, two]


def _supervised(results: dict[str, Any]) -> list[str]:
    sentences = []
    for network, kinds in results["supervised"].items():
        for count in kinds.get("from_scratch_equal_compute", {}):
            tuned, same, equal = (
                kinds[kind][count]["accuracy"] for kind in ("fine_tuned", "from_scratch", "from_scratch_equal_compute")
            )
            labels = kinds["fine_tuned"][count]["labels"]
            sentences.append(
                f"With {labels} labels ({count} a class) the whole network of {network}, fine-tuned, reaches "
                f"{tuned['mean']:.3f} ({tuned['low']:.3f} to {tuned['high']:.3f}); from scratch {same['mean']:.3f}, and "
                f"{equal['mean']:.3f} ({equal['low']:.3f} to {equal['high']:.3f}) with what pretraining cost besides."
            )
    return sentences


def _without_labels(results: dict[str, Any], entries: list[Entry]) -> dict[str, Any]:
    numbers = results["numbers_of_clusters"]
    titles = {entry.name: entry.title for entry in entries}
    reasons = []
    for name, found in numbers.items():
        chosen = str(found["chosen"])
        stability, silhouette = (found["figures"][key][chosen] for key in ("stability", "silhouette"))
        reasons.append(
            f"{_capital(titles[name])}: {chosen} clusters are supported best (stability {stability:.2f} of 1, silhouette "
            f"{silhouette:.2f})."
        )
    if not numbers:
        sentence = "There is too little to cluster: too few rows, or all of them alike."
        return {"sentence": sentence, "reasons": reasons, "verdicts": {}}
    best = max(numbers, key=lambda name: numbers[name]["figures"]["stability"][str(numbers[name]["chosen"])])
    stability = numbers[best]["figures"]["stability"][str(numbers[best]["chosen"])]
    sentence = (
        f"Cluster {titles[best]} into {numbers[best]['chosen']} groups, the best separated of the stable ones; whether pretraining "
        "pays cannot be said without labels: label a few hundred rows and compare again."
    )
    if stability < HARDLY_STABLE:
        sentence = (
            f"There are hardly any clusters: the most stable ones ({titles[best]}) agree only {stability:.2f} between halves of "
            "the rows. Label a few hundred rows and compare again."
        )
    return {"sentence": sentence, "reasons": reasons, "verdicts": {}}


def _means(results: dict[str, Any], entry: Entry) -> dict[str, float]:
    curve = results["methods"][entry.name]["figures"]["curve"]
    return {count: float(np.mean(values)) for count, values in curve.items()}


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
