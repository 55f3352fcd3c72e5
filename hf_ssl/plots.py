"""Pictures of a run."""

import json

import matplotlib
import numpy as np

from hf_ssl.training.run_folder import RunFolder, writing

matplotlib.use("Agg")  # files only: there may be no screen


def draw_loss(folder: RunFolder, heldout: dict[str, float] | None) -> None:
    """Draw training loss, held-out loss and the unigram level over the steps into plots/loss.png."""
    from matplotlib import pyplot

    lines = [json.loads(line) for line in folder.log.read_text().splitlines()]
    steps, losses = np.array([line["step"] for line in lines]), np.array([line["loss"] for line in lines])
    measured = [(line["step"], line["heldout_loss"]) for line in lines if "heldout_loss" in line]
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(steps, losses, color="0.8", linewidth=0.8)
    window = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.ones(window) / window, "valid")
    axes.plot(steps[window - 1 :], smooth, color="#0072b2", label=f"training (mean of {window} steps)")
    if measured:
        axes.plot(*zip(*measured, strict=True), "o-", color="#d55e00", markersize=4, label="held out")
    if heldout:
        axes.axhline(heldout["unigram_loss"], color="#009e73", linestyle="--", label="token frequencies alone")
    axes.set(xlabel="step", ylabel="loss (nats a hidden token)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with writing(folder.plots):
        folder.plots.mkdir(exist_ok=True)
        figure.savefig(folder.plots / "loss.png", dpi=120)
    pyplot.close(figure)
