"""Terminal table of a run's figures."""

from __future__ import annotations

from hf_ssl.runs.results import RunResults

FIGURES = {
    "knn_accuracy": "kNN",
    "linear_accuracy": "linear",
    "linear_100_accuracy": "linear, 100 labels",
    "kmeans_nmi": "k-means NMI",
    "kmeans_ari": "k-means ARI",
    "kmeans_accuracy": "k-means accuracy",
}
INTERVALS = "95 % intervals over test rows, draws of labels and k-means starts of one model, not over pretraining seeds"


def table_of(results: RunResults) -> str:
    """Return the figures of a run as lines of text."""
    lines = []
    if results.heldout:
        held, (key, title) = results.heldout, results.baseline
        line = f"held-out loss {held['loss']:.3f}, {title} {held[key]:.3f}"
        accuracy = held.get("masked_accuracy", held.get("accuracy"))
        if "perplexity" in held:
            line += f" (perplexity {held['perplexity']:.1f})"
        lines += [line + (f"; {100 * accuracy:.1f} % of the predictions correct" if accuracy is not None else "")]
    if results.features:
        shown = {key: title for key, title in FIGURES.items() if any(key in row for row in results.features.values())}
        width = max(map(len, results.features))
        lines += [" " * width + "".join(f"{title:>21}" for title in shown.values())]
        for name, row in results.features.items():
            cells = [
                f"{row[key]['mean']:.3f} ({row[key]['low']:.3f}–{row[key]['high']:.3f})" if key in row else ""
                for key in shown
            ]
            lines += [f"{name:<{width}}" + "".join(f"{cell:>21}" for cell in cells)]
        lines += [f"({results.features_note})"]
    if results.data.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in results.data.skipped.items())
        lines += [f"{results.data.skipped_rows} rows were skipped: {reasons}"]
    cost = results.cost
    lines += [f"{cost.units:,} {cost.unit} in {cost.cpu_seconds:.0f} CPU seconds ({cost.wall_seconds:.0f} s)"]
    return "\n".join(lines)
