"""results.json, and its figures as a table for the terminal."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from hf_ssl.pretext.base import PretextTask
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.pretrain import Progress

PACKAGES = ("hf_ssl", "torch", "transformers", "datasets", "accelerate", "tokenizers", "scikit-learn", "numpy")
FIGURES = {
    "knn_accuracy": "kNN",
    "linear_accuracy": "linear",
    "kmeans_nmi": "k-means NMI",
    "kmeans_ari": "k-means ARI",
    "kmeans_accuracy": "k-means accuracy",
}
SPREAD = (
    "std: over banks without one fifth each (kNN, linear) and k-means restarts of one model, not over pretraining seeds"
)


def results_of(
    task: PretextTask,
    arguments: TrainingArguments,
    data: dict[str, Any],
    model: PreTrainedModel,
    progress: Progress,
    begun: dict[str, str],
) -> dict[str, Any]:
    """What a run was, as JSON; its figures are added to it.

    Args:
        task: of the run.
        arguments: of the run.
        data: what they are, and what could not be used of them.
        model: what is kept.
        progress: how far it came, and what that cost.
        begun: "run" and "command" of the run.
    """
    base = task.model_name_or_path
    return begun | {
        "task": task.name,
        "cost": {
            "cpu_seconds": round(progress.cpu_seconds, 3),
            "wall_seconds": round(progress.wall_seconds, 3),
            "unit": task.unit,
            task.unit: progress.units,
            "steps": progress.step,
        },
        "data": data,
        "model": {
            "class": type(model).__name__,
            "module": type(model).__module__,
            "parameters": model.num_parameters(),
            "dropout": task.dropout,
            "base": base,
            "base_on_hub": bool(base and not Path(base).exists()),
            "base_revision": getattr(model.config, "_commit_hash", None) if base else None,
            "tag": task.tag,
            "pipeline": task.pipeline,
            "library": task.library,
        },
        "baseline": {"key": task.baseline[0], "title": task.baseline[1]},
        "seed": arguments.seed,
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
    }


def table_of(results: dict[str, Any]) -> str:
    """The figures of a run as lines of text."""
    lines = []
    if results["heldout"]:
        held, baseline = results["heldout"], results["baseline"]
        line = f"held-out loss {held['loss']:.3f}, {baseline['title']} {held[baseline['key']]:.3f}"
        accuracy = held.get("masked_accuracy", held.get("accuracy"))
        if "perplexity" in held:
            line += f" (perplexity {held['perplexity']:.1f})"
        lines += [line + (f"; {100 * accuracy:.1f} % of the answers right" if accuracy is not None else "")]
    if results["features"]:
        width = max(len(name) for name in results["features"])
        lines += [" " * width + "".join(f"{title:>18}" for title in FIGURES.values())]
        for name, figures in results["features"].items():
            cells = "".join(f"{figures[key]['mean']:>10.3f} ± {figures[key]['std']:.3f}" for key in FIGURES)
            lines += [f"{name:<{width}}{cells}"]
        lines += [f"({results['features_note']})"]
    skipped = results["data"]["skipped"]
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        lines += [f"{results['data']['skipped_rows']} rows were skipped: {reasons}"]
    cost = results["cost"]
    amount = f"{cost[cost['unit']]:,} {cost['unit']}"
    lines += [f"{amount} in {cost['cpu_seconds']:.0f} CPU seconds ({cost['wall_seconds']:.0f} s)"]
    return "\n".join(lines)
