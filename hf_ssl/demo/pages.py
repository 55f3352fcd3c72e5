"""What each tab shows before anything was asked: JSON."""

from __future__ import annotations

from typing import Any

from hf_ssl.demo.demo import Demo
from hf_ssl.demo.difference import examples_of, words
from hf_ssl.demo.index import METHODS, PROJECTIONS
from hf_ssl.demo.panel import Panel
from hf_ssl.modalities.known import flags_of


def panel_page(demo: Demo, kind: str) -> dict[str, Any]:
    """Return what the tab of a modality shows: rows, labels, models, features, ways to group, and what the modality adds.

    Where the demo has no such panel: "empty", a sentence, and the "command" that makes one.
    """
    command = flags_of(kind)[0].first_run
    panel = demo.panels.get(kind)
    if panel is None:
        return {"empty": f"This demo shows no {kind}; this makes a run:", "command": command}
    rows, modality = panel.index.rows, panel.modality
    shown = [
        modality.excerpt(value) | {"label": int(label)} for value, label in zip(rows.inputs, rows.labels, strict=True)
    ]
    return _common(panel, command) | {"rows": shown} | modality.page(rows.inputs, panel.models)


def difference_page(demo: Demo, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the third tab shows."""
    return {"parts": parts, "words": words(), "examples": examples_of(demo.panels)}


def _common(panel: Panel, command: str) -> dict[str, Any]:
    index = panel.index
    models = [{"name": name, "title": title, "kind": panel.models[name].kind} for name, title in panel.titles().items()]
    hint = f"No run here has learned to fill in what is hidden: make one with {command}"
    return {
        "dataset": index.rows.dataset,
        "labels": index.rows.names,
        "models": models,
        "features": [{"name": f.name, "title": f.title, "family": f.family} for f in index.features.values()],
        "methods": [{"name": name, "title": title} for name, title in METHODS.items()],
        "projections": [{"name": name, "title": title} for name, (title, _) in PROJECTIONS.items()],
        "clusters": {"least": index.fewest_clusters, "most": index.most_clusters, "default": index.usual_clusters},
        "hint": None if models or not command else hint,
    }
