"""The end of a run: save the model, measure it, draw, write results and card."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hf_ssl.data.sources import Source
from hf_ssl.data.stream import skipped_rows
from hf_ssl.evaluation.heldout import HeldOut
from hf_ssl.evaluation.labelled import TooFewLabelsError, labelled_rows
from hf_ssl.evaluation.online import OnlineProbe
from hf_ssl.evaluation.report import SPREAD, results_of, table_of
from hf_ssl.evaluation.worth import compare_features
from hf_ssl.hub.card import write_card
from hf_ssl.plots import draw_features, draw_loss, draw_pictures
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import newest_checkpoint
from hf_ssl.training.pretrain import Progress
from hf_ssl.training.run_folder import RunFolder, replace_folder, write_text

SHOWN = 10  # pictures in a row


@dataclass(frozen=True)
class Material:
    """What a run learns from and is measured on.

    Attributes:
        task: with its column settled.
        prepared: what it learned from the first rows.
        source: the opened data set.
        label_column: where there is one.
        held_out: fixed inputs, None if the held-out rows hold nothing usable, and beside the main process.
        probe: measures features during training, where the task wants it.
    """

    task: PretextTask
    prepared: Prepared
    source: Source
    label_column: str | None
    held_out: HeldOut | None
    probe: OnlineProbe | None


def finish(
    material: Material,
    arguments: TrainingArguments,
    model: Any,
    progress: Progress,
    folder: RunFolder,
    autocast: Callable[[], Any],
) -> None:
    """Save, measure, draw, write card and results; the results come last and mark the run as finished."""
    task, product = material.task, material.task.product(model)
    save_model(folder, task, product, material.prepared)
    heldout = material.held_out.score(model, autocast) if material.held_out else None
    features, note = _features(material, model, autocast, arguments.seed)
    last = newest_checkpoint(folder.checkpoints)
    skipped = skipped_rows(last.state["positions"].values() if last else [])
    record = folder.data() | {"label_column": material.label_column} | skipped
    plots = draw_loss(folder, task.baseline, heldout) | draw_features(folder) | _draw_pictures(material, model, folder)
    results = results_of(task, arguments, record, product, progress, folder.record()) | {
        "heldout": heldout,
        "heldout_note": "fixed rows" if heldout else "the held-out rows hold nothing usable",
        "features": features,
        "features_note": note,
        "plots": plots,
    }
    write_card(folder, results)
    write_text(folder.results, json.dumps(results, indent=2) + "\n")
    print(table_of(results))
    print(f"model, card and results are in {folder.path}")


def save_model(folder: RunFolder, task: PretextTask, product: Any, prepared: Prepared) -> None:
    """Write the model and its processor, both or neither."""
    with replace_folder(folder.model) as temporary:
        product.save_pretrained(temporary)
        prepared.processor.save_pretrained(temporary)
        task.write_beside(product, temporary)


def _features(
    material: Material, model: Any, autocast: Callable[[], Any], seed: int
) -> tuple[dict[str, Any] | None, str]:
    if not material.label_column:
        return None, "no label column was used"
    task, source = material.task, material.source
    try:
        bank, test = labelled_rows(task, source.train, source.evaluation, material.label_column)
    except TooFewLabelsError as error:
        return None, str(error)
    models = {"pretrained": model, "untrained": task.untrained(model, material.prepared, seed)}
    return compare_features(task, models, material.prepared, bank, test, autocast, seed), SPREAD


def _draw_pictures(material: Material, model: Any, folder: RunFolder) -> dict[str, str]:
    """Of held-out images, where the task has any to show."""
    if material.probe is None:
        return {}
    pictures = material.probe.pictures(model, SHOWN)
    return draw_pictures(folder, pictures) if pictures else {}
