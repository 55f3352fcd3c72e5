"""The report: one page that needs no network, the same as Markdown, and the pictures of both."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from hf_ssl.comparison.cells import Cell
from hf_ssl.comparison.draw import KINDS, Drawn, draw_curves, draw_map, draw_numbers
from hf_ssl.comparison.entries import Entry
from hf_ssl.comparison.results import CLUSTERINGS, COLUMNS
from hf_ssl.comparison.words import WORDS, groups
from hf_ssl.evaluation.rows import ComparedRows
from hf_ssl.markdown import code_span, plain_text
from hf_ssl.training.run_folder import RunFolder, write_text

LONGEST = 160  # letters of a text that are shown


@dataclass(frozen=True)
class Shown:
    """What a report is made of.

    Attributes:
        results: what results.json holds.
        rows: that were compared on.
        entries: the methods, in the order of the table.
        maps: name of a method -> its map.
        unusual: name of a method -> places of the most unusual clustered rows.
    """

    results: dict[str, Any]
    rows: ComparedRows
    entries: list[Entry]
    maps: dict[str, Cell]
    unusual: dict[str, np.ndarray]


def write_report(folder: RunFolder, shown: Shown) -> None:
    """Write report.html, report.md and plots, and name the plots in the results."""
    results = shown.results
    by_name = {entry.name: entry for entry in shown.entries}
    pictures: dict[str, Drawn] = {}
    for name, drawn in (
        ("labels", draw_curves(folder.plots, results)),
        ("numbers", draw_numbers(folder.plots, results)),
    ):
        if drawn:
            pictures[name] = drawn
    for name, cell in shown.maps.items():
        pictures[f"map_{name}"] = draw_map(folder.plots, by_name[name], cell, shown.rows)
    results["plots"] = {name: f"plots/{file}" for name, (file, _) in pictures.items()}
    columns = {
        key: title for key, title in COLUMNS.items() if any(key in m["figures"] for m in results["methods"].values())
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code_span
    environment.filters["plain"] = plain_text
    context = {
        "results": results,
        "rows": shown.rows,
        "columns": columns,
        "best": {key: _best(results["methods"], key) for key in columns},
        "clusterings": _clusterings(results),
        "maps": list(shown.maps),
        "pictures": {name: Markup(svg) for name, (_, svg) in pictures.items()},  # noqa: S704 - of our own making
        "unusual": shown.unusual,
        "shown": lambda place: _shown(shown.rows, place),
        "kinds_of_training": KINDS,
        "words": WORDS,
        "groups": groups,
        "label": lambda place: _label(shown.rows, place),
    }
    for ending in ("html", "md"):
        write_text(
            folder.path / f"report.{ending}", environment.get_template(f"report.{ending}").render(context) + "\n"
        )


def _best(methods: dict[str, Any], key: str) -> str:
    there = [name for name, method in methods.items() if key in method["figures"]]
    return max(there, key=lambda name: methods[name]["figures"][key]["mean"])


def _clusterings(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The table of other ways to cluster: method, features, number of clusters, agreement."""
    found = []
    for method in results["methods"].values():
        for way in CLUSTERINGS:
            if f"{way}_clusters" in method["figures"]:
                agreement = {name: method["figures"].get(f"{way}_{name}") for name in ("nmi", "ari", "accuracy")}
                number = method["figures"][f"{way}_clusters"]
                found.append({"title": method["title"], "way": way.replace("_", " "), "clusters": number, **agreement})
    return found


def _shown(rows: ComparedRows, place: int) -> Any:
    """A row for people: its text, cut, or its picture."""
    value = rows.clustered.inputs[place]
    if isinstance(value, str):
        plain = " ".join(value.split())
        return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
    file = io.BytesIO()
    Image.fromarray(value).save(file, "png")
    data = base64.b64encode(file.getvalue()).decode()
    return Markup(f'<img class="pixels" alt="row {int(place)}" src="data:image/png;base64,{data}">')  # noqa: S704 - ours


def _label(rows: ComparedRows, place: int) -> str:
    label = int(rows.clustered.labels[place])
    return rows.names[label] if rows.names and label >= 0 else ""
