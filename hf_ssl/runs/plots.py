"""Plots of a run, in its folder "plots". Each function returns {title: file} of what it drew."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot

from hf_ssl.common.run_folder import RunFolder
from hf_ssl.common.writing import writing

matplotlib.use("Agg")  # files only: there may be no screen
# Okabe and Ito's palette, which suits colour-blind readers.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6d1f", "#999999")
BLUE, GREEN, ORANGE = PALETTE[0], PALETTE[2], PALETTE[5]


def draw_loss(folder: RunFolder, baseline: tuple[str, str], heldout: dict[str, float] | None) -> dict[str, str]:
    """Draw training loss, held-out loss and baseline over the steps.

    Args:
        folder: run folder with the log.
        baseline: key in ``heldout`` and title of the baseline, which needs no model.
        heldout: the final figures.
    """
    lines = list(folder.logged())
    steps, losses = np.array([line["step"] for line in lines]), np.array([line["loss"] for line in lines])
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(steps, losses, color="0.8", linewidth=0.8)
    window = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.ones(window) / window, "valid")
    axes.plot(
        steps[window - 1 :],
        smooth,
        color=BLUE,
        label=f"training (mean of {window} steps)" if window > 1 else "training",
    )
    measured = [(line["step"], line["heldout_loss"]) for line in lines if "heldout_loss" in line]
    if measured:
        axes.plot(*zip(*measured, strict=True), "o-", color=ORANGE, markersize=4, label="held out")
    if heldout:
        axes.axhline(heldout[baseline[0]], color=GREEN, linestyle="--", label=baseline[1])
    axes.set(xlabel="step", ylabel="loss")
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)  # lines run all over the inside
    _save(folder, figure, "loss.png")
    return {"loss curve": "loss.png"}


def draw_features(folder: RunFolder) -> dict[str, str]:
    """Draw kNN accuracy and effective rank during training, if they were measured."""
    lines = [line for line in folder.logged() if "effective_rank" in line]
    if not lines:
        return {}
    steps = [line["step"] for line in lines]
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    right = axes
    if "knn_accuracy" in lines[0]:
        axes.plot(steps, [line["knn_accuracy"] for line in lines], "o-", color=BLUE, markersize=4)
        axes.set_ylabel("kNN accuracy (some labelled rows)", color=BLUE)
        right = axes.twinx()
    right.plot(steps, [line["effective_rank"] for line in lines], "s--", color=ORANGE, markersize=4)
    right.set_ylabel("effective rank of the features", color=ORANGE)
    axes.set_xlabel("step")
    _save(folder, figure, "knn.png")
    return {"features during training": "knn.png"}


def draw_pictures(folder: RunFolder, pictures: dict[str, Any]) -> dict[str, str]:
    """Draw what a task does to images, one row per title.

    Args:
        folder: run folder.
        pictures: title -> tensor in [0, 1] of shape (count, 3, size, size).
    """
    arrays = {title: tensor.float().cpu().numpy().transpose(0, 2, 3, 1) for title, tensor in pictures.items()}
    count = len(next(iter(arrays.values())))
    figure, grid = pyplot.subplots(
        len(arrays), count, figsize=(count, len(arrays) * 1.05), layout="constrained", squeeze=False
    )
    for (title, images), row in zip(arrays.items(), grid, strict=True):
        row[0].set_ylabel(title, fontsize=8)
        for image, axes in zip(images, row, strict=True):
            axes.imshow(image.clip(0, 1))
            axes.set(xticks=[], yticks=[])
    name = "reconstructions.png" if "predicted" in arrays else "views.png"
    _save(folder, figure, name, frame=True)
    return {", ".join(arrays): name}


def _save(folder: RunFolder, figure: Any, name: str, frame: bool = False) -> None:

    for axes in figure.axes:
        axes.spines[["top", "right", "left", "bottom"] if frame else ["top"]].set_visible(False)
    with writing(folder.plots):
        folder.plots.mkdir(exist_ok=True)
        figure.savefig(folder.plots / name, dpi=120)
    pyplot.close(figure)
