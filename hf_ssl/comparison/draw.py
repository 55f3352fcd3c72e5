"""Plots of a comparison: SVG for the report (in the page's light or dark colours) and PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot

from hf_ssl.common.writing import writing
from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED, Entry
from hf_ssl.comparison.outcome import ComparisonResults
from hf_ssl.comparison.supervised import KINDS
from hf_ssl.evaluation.cells import Cell
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.runs.plots import PALETTE
from hf_ssl.unsupervised.naming import match_colours

matplotlib.use("Agg")  # files only: there may be no screen
MARKS = "os^Dv*PX"  # a second cue beside the colours
INK = "#123456"  # placeholder for the page's text colour
STYLES = {BASELINE: "--", UNTRAINED: ":", PRETRAINED: "-"}
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels may contain any characters
    "svg.hashsalt": "hf_ssl",  # reproducible element ids
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}
LONGEST_NAME = 24
MOST_NAMES = 30  # in a legend
Drawn = tuple[str, str]  # file, SVG


def save(folder: Path, name: str, draw: Callable[[Any], None], size: tuple[float, float]) -> Drawn:
    """Draw twice: PNG on white for Markdown, SVG with a transparent background for the page.

    Args:
        folder: folder for the PNG.
        name: file name without its suffix.
        draw: draws into a figure.
        size: figure size in inches.
    """
    with matplotlib.rc_context(SETTINGS):
        figure = pyplot.figure(figsize=size, layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(figure)
    with matplotlib.rc_context({key: "black" if value == INK else value for key, value in SETTINGS.items()}):
        figure = pyplot.figure(figsize=size, layout="constrained")
        draw(figure)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / f"{name}.png", dpi=120)
        pyplot.close(figure)
    svg = text.getvalue()[text.getvalue().index("<svg") :].replace(INK, "currentColor")
    # Element ids must be unique on the page.
    svg = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>{name}_", svg)
    return f"{name}.png", svg


def draw_curves(folder: Path, results: ComparisonResults) -> Drawn | None:
    """Plot accuracy against labels per class: linear readouts, fine-tuning, from scratch."""
    curves = {name: method for name, method in results.methods.items() if "curve" in method.figures}
    if not curves:
        return None
    end = _last_count(curves) * 4  # where "all" is drawn

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for number, method in enumerate(curves.values()):
            curve = method.figures["curve"]
            places = [end if count == "all" else int(count) for count in curve]
            means, spreads = (np.array([f(values) for values in curve.values()]) for f in (np.mean, np.std))
            style = {"color": PALETTE[number % 8], "marker": MARKS[number % 8], "linestyle": STYLES[method.family]}
            axes.plot(places, means, label=method.title, markersize=5, **style)
            axes.fill_between(places, means - spreads, means + spreads, color=style["color"], alpha=0.15, linewidth=0)
        for network, kinds in results.supervised.items():
            for (kind, counts), mark in zip(kinds.items(), "PXd", strict=False):
                places = [int(count) for count in counts]
                found = [value["accuracy"] for value in counts.values()]
                bars = np.abs(np.array([[v["mean"] - v["low"], v["high"] - v["mean"]] for v in found])).T
                heights = [value["mean"] for value in found]
                title = f"{network}, {KINDS[kind]}"
                axes.errorbar(
                    places, heights, bars, fmt=mark, markersize=9, color=INK, label=title, mfc="none", capsize=3
                )
        axes.set(xscale="log", xlabel="labels per class", ylabel="accuracy on test rows")
        ticks = [10**power for power in range(6) if 10**power <= end / 4]
        axes.set_xticks([*ticks, end], [*map(str, ticks), "all"])
        axes.minorticks_off()
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    return save(folder, "labels", draw, (9.5, 4.6))


def draw_numbers(folder: Path, results: ComparisonResults) -> Drawn | None:
    """Plot quality against the number of clusters."""
    numbers = results.numbers_of_clusters
    if not numbers:
        return None
    titles = {
        "stability": "stability",
        "silhouette": "silhouette",
        "nmi": "agreement with labels (NMI)",
        "bic": "BIC (lower is better)",
    }
    shown = {key: title for key, title in titles.items() if any(key in found["figures"] for found in numbers.values())}

    def draw(figure: Any) -> None:
        for axes, (key, title) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
            for number, (name, found) in enumerate(numbers.items()):
                values = {int(count): value for count, value in found["figures"][key].items()}
                style = {"color": PALETTE[number], "marker": MARKS[number], "markersize": 4}
                axes.plot(list(values), list(values.values()), label=results.methods[name].title, **style)
                axes.axvline(found["chosen"], color=PALETTE[number], linestyle=":", linewidth=1)
            axes.set(title=title, xlabel="clusters")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    return save(folder, "numbers", draw, (2.9 * len(shown), 3.2))


def draw_map(folder: Path, entry: Entry, cell: Cell, rows: MeasuredRows) -> Drawn:
    """Plot t-SNE of the features of some rows, coloured by cluster and by label."""
    chosen, positions = cell.arrays["rows"], cell.arrays["positions"]
    clusters = entry.cells[0].arrays["kmeans"][0][chosen]
    labels = rows.clustered.labels[chosen]
    numbers = range(int(clusters.max()) + 1)
    panels = {"clusters (k-means)": (clusters, [f"cluster {number + 1}" for number in numbers], list(numbers))}
    if rows.names:
        panels["labels"] = (labels, rows.names, match_colours(labels, clusters, len(rows.names), len(numbers)))

    def draw(figure: Any) -> None:
        for axes, (title, (kinds, names, colours)) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for kind, name in enumerate(names):
                mine = positions[kinds == kind]
                colour = colours[kind]
                style = {"color": PALETTE[colour % 8], "marker": MARKS[(colour + colour // 8) % 8]}
                axes.scatter(*mine.T, s=7, linewidths=0, alpha=0.75, label=_shown(name), **style, rasterized=True)
            unknown = positions[kinds < 0]
            if len(unknown):
                axes.scatter(*unknown.T, s=3, color="0.6", label="none", rasterized=True)
            axes.set(title=title, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if len(names) <= MOST_NAMES:
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, markerscale=2, fontsize=8)
            else:
                axes.set_xlabel(f"{len(names):,} kinds, too many to name")

    return save(folder, f"map_{entry.name}", draw, (4.8 * len(panels), 5.2))


def _last_count(curves: dict[str, Any]) -> int:
    counts = [int(count) for method in curves.values() for count in method.figures["curve"] if count != "all"]
    return max(counts, default=1)


def _shown(name: str) -> str:
    """Return a legend label; matplotlib leaves out those that begin with an underscore."""
    cut = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    return f" {cut}" if cut.startswith("_") else cut
