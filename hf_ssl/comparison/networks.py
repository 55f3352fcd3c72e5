"""The networks of a comparison: pretrained here, in their own run folders, or loaded from finished runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from hf_ssl.common.errors import UserError
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.modalities.base import Modality
from hf_ssl.pretext.pairing import Pairing, defaults_of, pair
from hf_ssl.runs.job import Job
from hf_ssl.runs.pretrain import pretrain
from hf_ssl.runs.pretrained import Pretrained, load_pretrained
from hf_ssl.training.arguments import TrainingArguments

FEWEST_ROWS = 200  # fewer are too few to pretrain on


def pairing_for(task: str, modality: Modality) -> Pairing:
    """Return a task with its settings for comparisons, on the columns and sizes of a modality.

    Raises:
        UserError: if the task does not support this kind of data.
    """
    own = {name: getattr(modality, name) for name in modality.reading}
    training = TrainingArguments.__dataclass_fields__
    settings = {name: value for name, value in modality.costs.settings.get(task, {}).items() if name not in training}
    return pair(task, modality.name, **own | settings)


def pretrained_here(folder: Path, pairing: Pairing, plan: tuple[int, int], rows: MeasuredRows, job: Job) -> Pretrained:
    """Pretrain a network, resume its run, or load the finished run.

    Args:
        folder: folder of the comparison.
        pairing: task and modality.
        plan: optimizer steps, and the seed of weights and order.
        rows: rows of the comparison.
        job: gives the data set, whose train split is streamed, and the command for the card.
    """
    steps, seed = plan
    name = pairing.task.name
    training = TrainingArguments.__dataclass_fields__
    suited = defaults_of(name, rows.modality.name) | rows.modality.costs.settings.get(name, {})
    defaults = TrainingArguments(**{key: value for key, value in suited.items() if key in training})
    key = hashlib.sha256(json.dumps([repr(pairing), steps, rows.identity], sort_keys=True).encode()).hexdigest()[:8]
    path = folder / "pretrained" / f"{name}-seed{seed}-{key}"
    arguments = replace(
        defaults,
        max_steps=steps,
        batch_size=min(defaults.batch_size, _power_of_two(len(rows.bank.inputs) // 2)),
        save_steps=max(100, steps // 4),
        eval_steps=steps + 1,  # no evaluation during training: it takes time
        seed=seed,
        output_dir=str(path),
    )
    pretrain(replace(Job.of(pairing, job.data, arguments, job.command), measure_features=False))
    return load_pretrained(path)


def brought_along(paths: list[str], modality: Modality) -> list[Pretrained]:
    """Load finished runs.

    Raises:
        UserError: if one is not finished, or its data are of another kind or size.
    """
    runs = [load_pretrained(Path(path)) for path in paths]
    for run in runs:
        if run.modality.name != modality.name:
            raise UserError(
                f"the run in {run.path} was trained on {run.modality.rows_name}, not {modality.rows_name}; leave it out"
            )
        for name in modality.reading:
            mine, other = getattr(run.modality, name), getattr(modality, name)
            if not name.endswith("_column") and mine != other:
                raise UserError(f"the run in {run.path} has --{name} {mine}, not {other}; pass --{name} {mine}")
    return runs


def _power_of_two(number: int) -> int:
    return 1 << max(0, number.bit_length() - 1)
