"""A checkpoint becomes a classifier: learn from labels, measure, save, document."""

import json
import time
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from hf_ssl.data.sources import DataArguments, open_source
from hf_ssl.errors import UserError
from hf_ssl.evaluation.intervals import accuracy_interval
from hf_ssl.evaluation.report import PACKAGES
from hf_ssl.evaluation.rows import ComparedRows, compared_rows
from hf_ssl.hub.card import write_card
from hf_ssl.modalities.text import TextTask
from hf_ssl.pretrained import Pretrained, load_pretrained
from hf_ssl.training.memory import keep_freed_memory
from hf_ssl.training.run_folder import RunFolder, replace_folder, write_text
from hf_ssl.transfer.arguments import FineTuningArguments
from hf_ssl.transfer.fine_tuning import Recipe, predict
from hf_ssl.transfer.inputs import Batches
from hf_ssl.transfer.label_efficiency import draw_rows
from hf_ssl.transfer.supervised import Learned, learn

MOST_ROWS = 50_000, 10_000  # to learn from and to measure on


def classify(arguments: FineTuningArguments, data: DataArguments, command: str) -> None:
    """Fine-tune a run's encoder on the labels of a data set; write the classifier, its results and card.

    Raises:
        UserError: for whatever the user can mend.
    """
    if arguments.model_name_or_path is None:
        raise UserError("name the folder of a finished pretraining run with --model_name_or_path")
    run = load_pretrained(Path(arguments.model_name_or_path))
    keep_freed_memory()
    data = data.settled(run.task.embedded)
    folder = RunFolder(Path(arguments.output_dir), {"task": "fine_tuning"} | asdict(arguments) | asdict(data), command)
    with folder:
        if folder.results.exists():
            print(f"{folder.path} holds a finished classifier; nothing was trained")
            return
        rows = _rows(run, data)
        labels, known = rows.bank.labels, rows.known
        chosen = known
        if arguments.labels_per_class:
            chosen = known[draw_rows(labels[known], arguments.labels_per_class, arguments.seed)]
        begun = time.perf_counter()
        learned = learn(
            run,
            Batches.of(run, [rows.bank.inputs[place] for place in chosen]),
            labels[chosen],
            np.arange(len(chosen)),
            rows.names,
            Recipe(arguments.max_steps, 0.0, arguments.batch_size),
            arguments.seed,
            arguments.from_scratch,
            arguments.learning_rate,
        )
        seconds = time.perf_counter() - begun
        with replace_folder(folder.model) as temporary:
            learned.model.save_pretrained(temporary)
            run.prepared.processor.save_pretrained(temporary)
        results = _results(run, rows, labels[chosen], learned, seconds, arguments, folder)
        write_card(folder, results)
        write_text(folder.results, json.dumps(results, indent=2) + "\n")
        held = results["heldout"]
        print(
            f"accuracy {held['accuracy']:.3f} ({held['low']:.3f} to {held['high']:.3f}) on {held['rows']:,} test rows, from "
            f"{len(chosen):,} labels; the commonest label alone {held['majority_accuracy']:.3f}"
        )
        print(f"classifier, card and results are in {folder.path}")


def _rows(run: Pretrained, data: DataArguments) -> ComparedRows:
    text = isinstance(run.task, TextTask)
    column = getattr(run.task, "text_column" if text else "image_column")
    columns = {"text": column if text else None, "images": None if text else column}
    rows = compared_rows(open_source(data), data, columns, getattr(run.task, "image_size", 0), MOST_ROWS)
    for note in rows.notes:
        print(note)
    if not rows.names:
        raise UserError(f"'{data.dataset_name}' has no two labels to learn; name a column with --label_column")
    if not (rows.test.labels >= 0).any():
        raise UserError(
            f"no row is left to measure on; name a split with --eval_split, or take more rows ({data.dataset_name})"
        )
    return rows


def _results(
    run: Pretrained,
    rows: ComparedRows,
    labels: np.ndarray,
    learned: Learned,
    seconds: float,
    arguments: FineTuningArguments,
    folder: RunFolder,
) -> dict[str, Any]:
    measured = np.flatnonzero(rows.test.labels >= 0)
    found = predict(learned.model, Batches.of(run, [rows.test.inputs[place] for place in measured]))
    truth = rows.test.labels[measured]
    interval = accuracy_interval((found == truth)[None], arguments.seed)
    model = learned.model
    base = str(arguments.model_name_or_path)
    counts = Counter(rows.bank.labels[rows.known].tolist())  # not of the drawn ones, which are as many of each
    return folder.record() | {
        "task": "fine_tuning",
        "cost": {
            "cpu_seconds": round(learned.cpu_seconds, 3),
            "wall_seconds": round(seconds, 3),
            "unit": "labels",
            "labels": len(labels),
            "steps": learned.recipe.steps,
        },
        "data": rows.record() | {"label_column": rows.label_column, "files": [], "since_step": 0},
        "model": {
            "class": type(model).__name__,
            "module": type(model).__module__,
            "parameters": model.num_parameters(),
            "dropout": run.task.dropout,
            "base": base,
            "base_on_hub": False,
            "base_revision": None,
            "tag": "classification",
            "pipeline": "text-classification" if isinstance(run.task, TextTask) else "image-classification",
            "library": "transformers",
        },
        "baseline": {"key": "majority_accuracy", "title": "the commonest label"},
        "seed": arguments.seed,
        "versions": {name: version(name) for name in PACKAGES},
        "recipe": asdict(learned.recipe) | {"tried": {str(rate): score for rate, score in learned.tried.items()}},
        "pretrained_by": {"task": run.task.name, "steps": run.results["cost"]["steps"]},
        "names": rows.names,
        "heldout": {
            "accuracy": interval["mean"],
            "low": interval["low"],
            "high": interval["high"],
            "macro_f1": float(f1_score(truth, found, average="macro", zero_division=0)),
            "majority_accuracy": float((truth == counts.most_common(1)[0][0]).mean()),
            "rows": len(measured),
        },
        "heldout_note": "test rows",
        "features": None,
        "features_note": "the classifier itself was",
        "plots": {},
    }
