"""results.json, and its figures as a table for the terminal."""

import platform
from importlib.metadata import version
from typing import Any

from transformers import PreTrainedModel

from hf_ssl.pretext.masked_language import MaskedLanguage
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
    task: MaskedLanguage,
    arguments: TrainingArguments,
    data: dict[str, Any],
    model: PreTrainedModel,
    progress: Progress,
    heldout: dict[str, float] | None,
    features: dict[str, Any] | None,
    note: str,
    command: str,
) -> dict[str, Any]:
    """All figures of a run with what they depend on, as JSON."""
    return {
        "task": "masked_language",
        "heldout": heldout,
        "features": features,
        "features_note": note,
        "cost": {
            "cpu_seconds": round(progress.cpu_seconds, 3),
            "wall_seconds": round(progress.wall_seconds, 3),
            task.unit: progress.units,
            "steps": progress.step,
        },
        "data": data,
        "model": {
            "class": type(model).__name__,
            "parameters": model.num_parameters(),
            "dropout": task.dropout,
            "base": task.model_name_or_path,
        },
        "seed": arguments.seed,
        "command": command,
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
    }


def table_of(results: dict[str, Any]) -> str:
    """The figures of a run as lines of text."""
    lines = []
    if results["heldout"]:
        held = results["heldout"]
        lines += [
            f"held-out loss {held['loss']:.3f} nats (perplexity {held['perplexity']:.1f}), "
            f"token frequencies alone {held['unigram_loss']:.3f}; "
            f"{100 * held['masked_accuracy']:.1f} % of hidden tokens right"
        ]
    if results["features"]:
        width = max(len(name) for name in results["features"])
        lines += [" " * width + "".join(f"{title:>18}" for title in FIGURES.values())]
        for name, figures in results["features"].items():
            cells = "".join(f"{figures[key]['mean']:>10.3f} ± {figures[key]['std']:.3f}" for key in FIGURES)
            lines += [f"{name:<{width}}{cells}"]
        lines += [f"({results['features_note']})"]
    cost = results["cost"]
    lines += [f"{cost['tokens']:,} tokens in {cost['cpu_seconds']:.0f} CPU seconds ({cost['wall_seconds']:.0f} s)"]
    return "\n".join(lines)
