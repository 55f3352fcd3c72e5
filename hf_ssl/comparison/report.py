"""The report: one self-contained HTML page, the same in Markdown, and the plots of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from hf_ssl.common.glossary import WORDS, groups
from hf_ssl.common.markdown import code_span, plain_text
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.common.writing import write_text
from hf_ssl.comparison.draw import Drawn, draw_curves, draw_map, draw_numbers
from hf_ssl.comparison.entries import Entry
from hf_ssl.comparison.outcome import CLUSTERINGS, COLUMNS, ComparisonResults, Method
from hf_ssl.comparison.supervised import KINDS
from hf_ssl.evaluation.cells import Cell
from hf_ssl.evaluation.measured_rows import MeasuredRows

LONGEST = 160  # characters of a text to show


@dataclass(frozen=True)
class ReportContent:
    """The content of a report.

    Attributes:
        results: what results.json holds.
        rows: rows of the comparison.
        entries: the methods, in the order of the table.
        maps: name of a method -> its map.
        unusual: name of a method -> indices of the most unusual clustered rows.
    """

    results: ComparisonResults
    rows: MeasuredRows
    entries: list[Entry]
    maps: dict[str, Cell]
    unusual: dict[str, np.ndarray]


def write_report(folder: RunFolder, shown: ReportContent) -> ComparisonResults:
    """Write report.html, report.md and plots; return the results including the plots' file names."""
    by_name = {entry.name: entry for entry in shown.entries}
    drawn = {
        "labels": draw_curves(folder.plots, shown.results),
        "numbers": draw_numbers(folder.plots, shown.results),
        **{f"map_{name}": draw_map(folder.plots, by_name[name], cell, shown.rows) for name, cell in shown.maps.items()},
    }
    pictures = {name: each for name, each in drawn.items() if each}
    results = replace(shown.results, plots={name: f"plots/{file}" for name, (file, _) in pictures.items()})
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code_span
    environment.filters["plain"] = plain_text
    context = _context(replace(shown, results=results), pictures)
    for ending in ("html", "md"):
        text = environment.get_template(f"report.{ending}").render(context) + "\n"
        write_text(folder.path / f"report.{ending}", text)
    return results


def _context(shown: ReportContent, pictures: dict[str, Drawn]) -> dict[str, Any]:
    """Return the variables of the templates."""
    results = shown.results
    columns = {key: title for key, title in COLUMNS.items() if any(key in m.figures for m in results.methods.values())}
    return {
        "results": results,
        "rows": shown.rows,
        "columns": columns,
        "chosen": {key: _chosen(results.methods, key) for key in columns},
        "clusterings": _clusterings(results),
        "maps": list(shown.maps),
        "pictures": {name: Markup(svg) for name, (_, svg) in pictures.items()},  # noqa: S704 - of our own making
        "unusual": shown.unusual,
        "shown": lambda place: _shown(shown.rows, place),
        "kinds_of_training": KINDS,
        "shows_text": "image" not in shown.rows.modality.shown(shown.rows.clustered.inputs[0]),
        "words": WORDS,
        "groups": groups,
        "label": lambda place: _label(shown.rows, place),
    }


def _chosen(methods: dict[str, Method], key: str) -> str:
    """Return the method that folds of the labelled bank choose for a figure."""
    fold = "kmeans_nmi" if key.startswith("kmeans") else key
    there = [name for name, method in methods.items() if key in method.figures]
    return max(there, key=lambda name: methods[name].figures["folds"].get(fold, -1.0))


def _clusterings(results: ComparisonResults) -> list[dict[str, Any]]:
    """Return the table of other ways to cluster: method, features, number of clusters, agreement."""
    found = []
    for method in results.methods.values():
        for way in CLUSTERINGS:
            if f"{way}_clusters" in method.figures:
                agreement = {name: method.figures.get(f"{way}_{name}") for name in ("nmi", "ari", "accuracy")}
                number = method.figures[f"{way}_clusters"]
                found.append({"title": method.title, "way": way.replace("_", " "), "clusters": number, **agreement})
    return found


def _shown(rows: MeasuredRows, place: int) -> Any:
    """Return a row for display: its text, shortened, or its picture."""
    value = rows.clustered.inputs[place]
    found = rows.modality.shown(value)
    if "image" in found:
        picture = f'<img class="pixels" alt="row {int(place)}" src="{found["image"]}">'
        return Markup(picture)  # noqa: S704 - a data address of our own making
    # Rows that only the demo's page can draw have an excerpt.
    plain = " ".join((found.get("text") or rows.modality.excerpt(value).get("text", "")).split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def _label(rows: MeasuredRows, place: int) -> str:
    label = int(rows.clustered.labels[place])
    return rows.names[label] if rows.names and label >= 0 else ""
