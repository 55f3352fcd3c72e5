"""Measurements during training: held-out loss, and features on a few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accelerate import Accelerator

from hf_ssl.data.sources import Source
from hf_ssl.evaluation.heldout import HeldOut, hold_out
from hf_ssl.evaluation.measured_rows import first_inputs_of, measured_rows
from hf_ssl.evaluation.online import OnlineProbe
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.runs.job import Job

Watch = Callable[[Any, Callable[[], bool]], dict[str, float]]


def held_out_inputs(job: Job, prepared: Prepared, source: Source) -> HeldOut | None:
    """Return the fixed held-out inputs, or None if no held-out rows are usable."""
    measured = source.train if source.evaluation is None else source.evaluation
    return hold_out(job.task, prepared, measured, source.evaluation is None, job.training.batch_size)


def online_probe(job: Job, prepared: Prepared, source: Source, label_column: str | None) -> OnlineProbe | None:
    """Choose the rows to monitor features on, if the modality asks for it and there are any."""
    modality = prepared.modality
    count = modality.watched_rows[1]
    if not count:
        return None
    measured = source.train if source.evaluation is None else source.evaluation
    inputs = first_inputs_of(modality, measured, source.evaluation is None, count)
    if not inputs:
        return None
    rows = measured_rows(source, job.data, modality, label_column, modality.watched_rows) if label_column else None
    return OnlineProbe(job.task, prepared, inputs, rows)


def watch(held_out: HeldOut | None, probe: OnlineProbe | None, accelerator: Accelerator) -> Watch | None:
    """Return a function that measures the model during training; None if there is nothing to measure on."""
    if held_out is None and probe is None:
        return None

    def measure(model: Any, stopped: Callable[[], bool]) -> dict[str, float]:
        score = held_out.score(model, accelerator.autocast, stopped) if held_out else {}
        figures = {"heldout_loss": score["loss"]} if score else {}
        return figures | (probe.figures(model, accelerator.autocast) if probe and not stopped() else {})

    return measure
