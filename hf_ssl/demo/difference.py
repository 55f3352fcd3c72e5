"""What is the difference? Figures of all methods on the same rows, and three worked examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hf_ssl.common.glossary import WORDS
from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED
from hf_ssl.comparison.outcome import COLUMNS, ComparisonResults
from hf_ssl.demo.panel import Panel
from hf_ssl.demo.selection import is_local, read_comparison
from hf_ssl.modalities.known import MODALITIES, modality_class
from hf_ssl.modalities.text.for_people import PANGRAM
from hf_ssl.runs.results import RunResults
from hf_ssl.runs.table import FIGURES

BEGINNING = "The quick brown fox jumps over the"
CANDIDATES = 5
SUPERVISED = "supervised"
SENTENCES = "embedded:sentences"
NOTE = "Nothing was trained on these sentences: TF-IDF and k-means see just the six, and no model has seen them."
SEEN = "TF-IDF and k-means see just the six sentences; these models were trained on them: "
Cells = dict[str, dict[str, Any]]  # column -> "mean", "low", "high"


def part_of(panel: Panel, comparison: Path | None) -> dict[str, Any]:
    """Return figures for one panel: of a comparison on its data set or, where there is none, of its first measured run.

    Returns:
        "title", "sentence", "reasons", "table", "curves", "source", "hint".
    """
    part: dict[str, Any] = {
        "title": f"{panel.modality.name.capitalize()}: {panel.index.rows.dataset}",
        "sentence": None,
        "reasons": [],
        "curves": [],
    }
    if comparison is not None:
        results = read_comparison(comparison)
        return part | {
            "sentence": results.recommendation.sentence,
            "reasons": results.recommendation.reasons,
            "table": _compared(results),
            "curves": _curves(results),
            "source": f"from the comparison {comparison.name}",
            "hint": None,
        }
    measured = next((run for run in panel.runs if run.results and run.results.features), None)
    runs = "".join(f" {run.path}" for run in panel.runs if is_local(run))
    command = f"python scripts/compare.py --dataset_name {panel.source}" + (f" --run{runs}" if runs else "")
    return part | {
        "table": _measured(panel, measured.results) if measured and measured.results else None,
        "source": f"measured when {measured.name} was pretrained" if measured else None,
        "hint": f"All methods with intervals and label curves: {command}",
    }


def _compared(results: ComparisonResults) -> dict[str, Any]:
    return _table(COLUMNS, [(method.title, method.family, method.figures) for method in results.methods.values()])


def _measured(panel: Panel, results: RunResults) -> dict[str, Any]:
    """Return the table of a run's own figures."""
    titles = {baseline.name: baseline.title for baseline in panel.modality.baselines(0)}
    titles |= {PRETRAINED: "pretrained here", UNTRAINED: "the same network, untrained"}
    return _table(
        FIGURES,
        [
            (titles.get(name, name), name if name in (PRETRAINED, UNTRAINED) else BASELINE, figures)
            for name, figures in (results.features or {}).items()
        ],
    )


def _table(titles: dict[str, str], lines: list[tuple[str, str, Cells]]) -> dict[str, Any]:
    """Return columns that have figures, and rows of (title, family, figures)."""
    columns = {name: title for name, title in titles.items() if any(name in figures for _, _, figures in lines)}
    rows = [
        {
            "title": title,
            "family": family,
            "cells": {name: _interval(figures[name]) for name in columns if name in figures},
        }
        for title, family, figures in lines
    ]
    return {"columns": [{"name": name, "title": title} for name, title in columns.items()], "rows": rows}


def _curves(results: ComparisonResults) -> list[dict[str, Any]]:
    """Return accuracy against labels per class: readouts of frozen features, and whole networks.

    "low" and "high" are those of several draws of labels ("bars": "draws"), or of a 95 % interval ("interval").
    """
    curves = []
    for method in results.methods.values():
        points = [
            {
                "labels": count if count == "all" else int(count),
                "mean": float(np.mean(values)),
                "low": float(np.min(values)),
                "high": float(np.max(values)),
            }
            for count, values in method.figures.get("curve", {}).items()
        ]
        if points:
            curves.append({"title": method.title, "family": method.family, "bars": "draws", "points": points})
    for network, kinds in results.supervised.items():
        for kind, counts in kinds.items():
            points = [{"labels": int(count), **_interval(found["accuracy"])} for count, found in counts.items()]
            title = f"{network}, {kind.replace('_', ' ')}"
            curves.append({"title": title, "family": SUPERVISED, "bars": "interval", "points": points})
    return curves


def _interval(figure: dict[str, Any]) -> dict[str, float]:
    return {name: figure[name] for name in ("mean", "low", "high")}


def examples_of(panels: dict[str, Panel]) -> dict[str, Any]:
    """Return the pangram with its missing word, the next word, the six sentences in two groups: the models' own answers."""
    models = [(name, model) for panel in panels.values() for name, model in panel.models.items()]
    masked = [(name, model) for name, model in models if model.kind == "masked"]
    following = [
        {"model": name, "candidates": model.next_word(BEGINNING, CANDIDATES)["candidates"]}
        for name, model in models
        if model.kind == "next"
    ] or [
        {"model": f"{name}, asked with a mask at the end", "candidates": _filled(model, f"{BEGINNING} [MASK]")}
        for name, model in masked
    ]
    worked = _worked(panels)
    runs = [run for panel in panels.values() for run in panel.runs if run.results]
    seen = [run.name for run in runs if run.results and run.results.data.name == SENTENCES]
    return {
        "pangram": [{"model": name, "candidates": _filled(model, PANGRAM)} for name, model in masked],
        "pangram_text": PANGRAM,
        "next": following,
        "next_text": BEGINNING,
        "sentences": worked.get("sentences", []),
        "routes": [{"title": title, **route} for title, route in worked.get("routes", {}).items()],
        "note": SEEN + ", ".join(seen) if seen else NOTE,
    }


def _filled(model: Any, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = model.fill(text, [], CANDIDATES)["predictions"][0]["candidates"]
    return found


def _worked(panels: dict[str, Panel]) -> dict[str, Any]:
    """Return the first examples that a modality has: of those that are shown, with their runs; else of the others."""
    for kind in dict.fromkeys([*panels, *MODALITIES]):
        runs = {run.name: run for run in panels[kind].runs} if kind in panels else {}
        worked: dict[str, Any] = (panels[kind].modality if kind in panels else modality_class(kind)()).worked_examples(
            runs
        )
        if worked:
            return worked
    return {}


def words() -> list[dict[str, str]]:
    """Return the words of the field, each with its meaning."""
    return [{"word": word, "meaning": meaning} for word, meaning in WORDS.items()]
