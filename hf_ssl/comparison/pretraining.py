"""The networks of a comparison: pretrained here, in run folders of their own, or brought along."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from hf_ssl.comparison.budget import SETTINGS
from hf_ssl.data.sources import DataArguments
from hf_ssl.errors import UserError
from hf_ssl.evaluation.rows import ComparedRows
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.modalities.text import TextTask
from hf_ssl.pipeline import pretrain
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.tasks import task_class
from hf_ssl.pretrained import Pretrained, load_pretrained
from hf_ssl.training.arguments import TrainingArguments

FEWEST_ROWS = 200  # below that there is nothing to pretrain on
FEWEST_STEPS_TO_LOOK = 10**9  # nothing is measured during training: all that costs time


def task_for(name: str, kind: str, column: str, image_size: int) -> PretextTask:
    """A task with the settings of comparisons.

    Raises:
        UserError: if it is not for this kind of data.
    """
    chosen = task_class(name)
    if issubclass(chosen, TextTask) != (kind == "text"):
        raise UserError(f"--task {name} is not for {kind}; name another task")
    own = {key: value for key, value in SETTINGS.get(name, {}).items() if key != "batch_size"}
    where: dict[str, Any] = (
        {"text_column": column} if kind == "text" else {"image_column": column, "image_size": image_size}
    )
    return chosen(**own, **where)


def pretrained_here(
    folder: Path,
    name: str,
    steps: int,
    seed: int,
    rows: ComparedRows,
    data: DataArguments,
    image_size: int,
    command: str,
) -> Pretrained:
    """Pretrain, or go on with it, or read what is already there.

    Args:
        folder: of the comparison.
        name: of the task.
        steps: of the optimizer.
        seed: of weights and order.
        rows: their kind, column and number.
        data: the data set, whose train split is streamed.
        image_size: pixels a side.
        command: for the card.
    """
    task = task_for(name, rows.kind, rows.column, image_size)
    defaults = TrainingArguments(**task.training_defaults | _own_batch(name))
    arguments = replace(
        defaults,
        max_steps=steps,
        batch_size=min(defaults.batch_size, _power_of_two(len(rows.bank.inputs) // 2)),
        save_steps=max(100, steps // 4),
        eval_steps=FEWEST_STEPS_TO_LOOK,
        seed=seed,
    )
    key = hashlib.sha256(json.dumps([repr(task), steps, rows.identity], sort_keys=True).encode()).hexdigest()[:8]
    path = folder / "pretrained" / f"{name}-seed{seed}-{key}"
    hub = HubArguments()
    pretrain(task, data, replace(arguments, output_dir=str(path)), hub, HfApi(), command, measure_features=False)
    return load_pretrained(path)


def brought_along(paths: list[str], rows: ComparedRows, image_size: int) -> list[Pretrained]:
    """Runs that were made before.

    Raises:
        UserError: if one is not finished, or of another kind or size of data.
    """
    runs = [load_pretrained(Path(path)) for path in paths]
    for run in runs:
        if isinstance(run.task, TextTask) != (rows.kind == "text"):
            raise UserError(f"the run in {run.path} is not of {rows.kind}; leave it out")
        size = getattr(run.task, "image_size", image_size)
        if rows.kind == "images" and size != image_size:
            raise UserError(f"the run in {run.path} is of images of {size} pixels; give --image_size {size}")
    return runs


def _own_batch(name: str) -> dict[str, Any]:
    return {key: value for key, value in SETTINGS.get(name, {}).items() if key == "batch_size"}


def _power_of_two(number: int) -> int:
    return 1 << max(0, number.bit_length() - 1)
