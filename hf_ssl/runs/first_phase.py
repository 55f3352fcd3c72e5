"""The first phase of a run: contrastive learning, from which the task goes on."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.pairing import defaults_of, flag_types, pair
from hf_ssl.pretext.parts.beginning import BeginsWithContrast
from hf_ssl.runs.job import Job
from hf_ssl.training.arguments import TrainingArguments

TASK = "contrastive"
BATCH_SIZES = (960, 480, 240, 120, 60, 30)  # rows; most numbers of processes divide them


def first_job(job: Job, prepared: Prepared, model: Any, processes: int) -> Job | None:
    """Return the job of the first phase of a run, with the recipe of the task for its modality; None if it has none.

    Args:
        job: of the run.
        prepared: the modality and what was learned from the first rows.
        model: new, of the task itself.
        processes: number of processes.

    Raises:
        UserError: if the processes cannot share its batches evenly.
    """
    task, modality = job.task, prepared.modality
    if not isinstance(task, BeginsWithContrast):
        return None
    steps = task.first_steps(prepared, job.training.max_steps)
    if not steps:
        return None
    recipe = defaults_of(TASK, modality.name)
    own = {field.name for kind in flag_types(TASK, modality.name) for field in fields(kind)}
    settings = {name: value for name, value in vars(modality).items() if name in own and name != "views"}
    pairing = pair(TASK, modality.name, **settings | task.first_settings(model))
    known = {field.name for field in fields(TrainingArguments)}
    batch_size = _batch_size(recipe.get("batch_size", BATCH_SIZES[0]), int(prepared.statistics["rows"]))
    if batch_size % processes:
        raise UserError(
            f"{processes} processes cannot share the batches of {batch_size} rows that come first; use another number of "
            "processes, or pass --contrast_steps 0"
        )
    training = replace(
        job.training,
        **{name: value for name, value in recipe.items() if name in known}
        | {"max_steps": steps, "batch_size": batch_size, "gradient_accumulation_steps": 1, "learning_rate": None},
    )
    return Job(pairing, job.data, training.settled(pairing.learning_rates, continued=False), job.command, False)


def _batch_size(wanted: int, rows: int) -> int:
    """Return about the wanted batch size, but no more than the first rows that were read."""
    return next((size for size in BATCH_SIZES if size <= min(wanted, rows)), BATCH_SIZES[-1])
