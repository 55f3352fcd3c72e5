"""What is the difference? Figures of all methods on the same rows, and three worked examples."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED
from hf_ssl.comparison.methods import TITLES
from hf_ssl.comparison.results import COLUMNS
from hf_ssl.comparison.sentences import six_sentences
from hf_ssl.comparison.words import WORDS
from hf_ssl.demo.masked_words import MaskedWords
from hf_ssl.demo.next_words import NextWords
from hf_ssl.demo.panel import Panel
from hf_ssl.evaluation.report import FIGURES

PANGRAM = "The quick brown fox jumps over the lazy [MASK]."
BEGINNING = "The quick brown fox jumps over the"
CANDIDATES = 5
SUPERVISED = "supervised"
NOTE = "Nothing was trained on these sentences: TF-IDF and k-means see just the six, and no model has seen them."
SEEN = "TF-IDF and k-means see just the six sentences; these models were trained on them: "


def part_of(panel: Panel, comparison: Path | None) -> dict[str, Any]:
    """Figures for one panel: of a comparison on its data set or, where there is none, of its first run.

    Returns:
        "title", "sentence", "reasons", "table", "curves", "source", "hint".
    """
    kind = "Text" if panel.index.rows.kind == "text" else "Images"
    part: dict[str, Any] = {
        "title": f"{kind}: {panel.index.rows.dataset}",
        "sentence": None,
        "reasons": [],
        "curves": [],
    }
    if comparison is not None:
        results = json.loads((comparison / "results.json").read_text())
        advice = results["recommendation"]
        return part | {
            "sentence": advice["sentence"],
            "reasons": advice.get("reasons", []),
            "table": _compared(results),
            "curves": _curves(results),
            "source": f"from the comparison {comparison.name}",
            "hint": None,
        }
    measured = next((run for run in panel.runs if run.results.get("features")), None)
    runs = "".join(f" {run.path}" for run in panel.runs if (run.path / "config.yaml").exists())
    command = f"python scripts/compare.py --dataset_name {panel.source}" + (f" --run{runs}" if runs else "")
    return part | {
        "table": _measured(measured.results["features"]) if measured else None,
        "source": f"measured when {measured.name} was pretrained" if measured else None,
        "hint": f"All methods with intervals and label curves: {command}",
    }


def _compared(results: dict[str, Any]) -> dict[str, Any]:
    methods = results["methods"].values()
    columns = {name: title for name, title in COLUMNS.items() if any(name in method["figures"] for method in methods)}
    rows = [
        {
            "title": method["title"],
            "family": method["family"],
            "cells": {name: method["figures"][name] for name in columns if name in method["figures"]},
        }
        for method in methods
    ]
    return {"columns": [{"name": name, "title": title} for name, title in columns.items()], "rows": rows}


def _measured(features: dict[str, Any]) -> dict[str, Any]:
    """The table of a run's own results; their spread is no interval, so none is shown."""
    titles = TITLES | {PRETRAINED: "pretrained here", UNTRAINED: "the same network, untrained"}
    rows = [
        {
            "title": titles.get(name, name),
            "family": name if name in (PRETRAINED, UNTRAINED) else BASELINE,
            "cells": {
                key: {"mean": figures[key]["mean"], "low": None, "high": None} for key in FIGURES if key in figures
            },
        }
        for name, figures in features.items()
    ]
    return {"columns": [{"name": name, "title": title} for name, title in FIGURES.items()], "rows": rows}


def _curves(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Accuracy against labels a class: readouts of frozen features, and whole networks.

    "low" and "high" are those of several draws of labels ("bars": "draws"), or of a 95 % interval ("interval").
    """
    curves = []
    for method in results["methods"].values():
        curve = method["figures"].get("curve", {})
        points = [
            {
                "labels": count if count == "all" else int(count),
                "mean": float(np.mean(values)),
                "low": float(np.min(values)),
                "high": float(np.max(values)),
            }
            for count, values in curve.items()
        ]
        if points:
            curves.append({"title": method["title"], "family": method["family"], "bars": "draws", "points": points})
    for network, kinds in results["supervised"].items():
        for kind, counts in kinds.items():
            points = [{"labels": int(count), **_interval(found["accuracy"])} for count, found in counts.items()]
            curves.append(
                {
                    "title": f"{network}, {kind.replace('_', ' ')}",
                    "family": SUPERVISED,
                    "bars": "interval",
                    "points": points,
                }
            )
    return curves


def _interval(figure: dict[str, Any]) -> dict[str, float]:
    return {name: figure[name] for name in ("mean", "low", "high")}


def examples_of(panel: Panel | None) -> dict[str, Any]:
    """The pangram with its missing word, the next word, the six sentences in two groups: the models' own answers."""
    masked, following = [], []
    for name, model in panel.models.items() if panel else ():
        if isinstance(model, MaskedWords):
            answer = model.fill(PANGRAM, [], CANDIDATES)
            masked.append({"model": name, "candidates": answer["predictions"][0]["candidates"]})
        elif isinstance(model, NextWords):
            following.append({"model": name, "candidates": model.next_word(BEGINNING, CANDIDATES)["candidates"]})
    for name, model in panel.models.items() if panel and not following else ():
        if isinstance(model, MaskedWords):
            answer = model.fill(f"{BEGINNING} [MASK]", [], CANDIDATES)
            candidates = answer["predictions"][0]["candidates"]
            following.append({"model": f"{name}, asked with a mask at the end", "candidates": candidates})
    runs = panel.runs if panel else []
    seen = [run.name for run in runs if run.results.get("data", {}).get("name") == "embedded:sentences"]
    found = six_sentences({run.name: [run] for run in runs})[0]
    return {
        "pangram": masked,
        "pangram_text": PANGRAM,
        "next": following,
        "next_text": BEGINNING,
        "sentences": found["sentences"],
        "routes": [{"title": title, **route} for title, route in found["routes"].items()],
        "note": SEEN + ", ".join(seen) if seen else NOTE,
    }


def words() -> list[dict[str, str]]:
    """The words of the field, each with its meaning."""
    return [{"word": word, "meaning": meaning} for word, meaning in WORDS.items()]
