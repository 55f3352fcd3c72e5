"""What was it worth: frozen features beside those of untrained networks and of baselines, on the same rows."""

from collections.abc import Callable
from typing import Any

from hf_ssl.evaluation.labelled import Labelled
from hf_ssl.evaluation.probes import measure_features
from hf_ssl.evaluation.readout import best_readout
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.progress import progress_bar


def compare_features(
    task: PretextTask,
    models: dict[str, Any],
    prepared: Prepared,
    bank: Labelled,
    test: Labelled,
    autocast: Callable[[], Any],
    seed: int,
) -> dict[str, Any]:
    """Measure the features of each model and of each baseline.

    Returns:
        Name ("pretrained", "untrained", and the task's baselines) -> figures of `measure_features`, with "choice": the layer
        or dimension and the whitening that did best on folds of the bank.
    """
    rows = len(models) * (len(bank.inputs) + len(test.inputs))
    candidates = {}
    with progress_bar("features", total=rows, unit="row") as bar:
        for name, model in models.items():
            features = task.embed(model, prepared, [*bank.inputs, *test.inputs], autocast, bar.update)
            cut = len(bank.inputs)
            candidates[name] = {layer: (found[:cut], found[cut:]) for layer, found in features.items()}
    candidates |= task.baselines(bank.inputs, test.inputs, prepared, seed)
    figures = {}
    for name in progress_bar("readouts", list(candidates)):
        readout = best_readout(candidates.pop(name), bank.labels)  # the largest have gigabytes
        figures[name] = measure_features(readout, bank.labels, test.labels, seed)
        figures[name]["choice"] = readout.choice
    return figures
