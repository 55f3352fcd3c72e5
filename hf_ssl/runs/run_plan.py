"""The budget of a run: the first steps show what this machine can do; steps and rows are planned once and kept on resume."""

from __future__ import annotations

import contextlib
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import psutil

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.writing import write_text
from hf_ssl.data.batches import Batch, Place, StreamSource
from hf_ssl.data.read_ahead import ReadAhead
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.training.loop import Training
from hf_ssl.training.step import NotFiniteError, Stepper, corrupt, take_step, total

MEASURING_SHARE = 1 / 3  # at most, of the budget
ENDING = 5.0  # seconds to save, draw and write
TRIED = (3, 20)  # steps, after one that is not counted
TRIED_SECONDS = 2.0
FEWEST_MEASURED = (600, 300)  # rows, bank and test
FEWEST_STEPS = 10
USUAL_CLASSES = 10  # for which costs were measured; 172 take 3.4 times as long


@dataclass(frozen=True)
class Speeds:
    """What the first steps took, in seconds.

    Attributes:
        step: a step of the task, with its share of the evaluations.
        first_step: a step of the first phase; 0 if there is none.
        measuring: measuring features on all rows that would be measured on; 0 if there are no labels.
    """

    step: float
    first_step: float
    measuring: float


@dataclass(frozen=True)
class RunPlan:
    """What a budget buys on this machine.

    Attributes:
        budget: as given.
        training: seconds of training.
        max_steps: steps of the task; an estimate until the first phase is done.
        first_steps: steps of the first phase.
        first_done: whether the first phase is done, or there is none.
        measured_share: share of the rows that features are measured on.
        speeds: what the plan was made from.
    """

    budget: str
    training: float
    max_steps: int
    first_steps: int
    first_done: bool
    measured_share: float
    speeds: Speeds

    def after(self, first_seconds: float) -> Self:
        """Return the plan with the steps that are left for the task after a first phase of so many seconds."""
        steps = max(FEWEST_STEPS, int((self.training - first_seconds) / self.speeds.step))
        return replace(self, max_steps=steps, first_done=True)

    def rows(self, most: tuple[int, int]) -> tuple[int, int]:
        """Return the numbers of rows to measure on, bank and test."""
        bank, test = (
            min(full, max(fewest, int(full * self.measured_share)))
            for full, fewest in zip(most, FEWEST_MEASURED, strict=True)
        )
        return bank, test

    def save(self, path: Path) -> None:
        """Write the plan."""
        write_text(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a plan."""
        record = json.loads(path.read_text(encoding="utf-8"))
        return cls(**record | {"speeds": Speeds(**record["speeds"])})


def plan_run(budget: str, seconds: float, speeds: Speeds, most_first: int, first_share: float) -> RunPlan:
    """Divide a budget among the phases and measuring.

    Args:
        budget: as given.
        seconds: what is left of it.
        speeds: of this machine.
        most_first: most steps of the first phase.
        first_share: its share of the training, at most.
    """
    measuring = min(speeds.measuring, seconds * MEASURING_SHARE)
    left = max(0.0, seconds - ENDING - measuring)
    affordable = max(FEWEST_STEPS, int(first_share * left / speeds.first_step)) if speeds.first_step else 0
    first = min(most_first, affordable)
    share = measuring / speeds.measuring if speeds.measuring else 1.0
    plan = RunPlan(budget, left, 0, first, not first, share, speeds).after(first * speeds.first_step)
    return replace(plan, first_done=not first)


def elapsed() -> float:
    """Return the seconds since this process was started."""
    return time.time() - psutil.Process().create_time()


def seconds_of_step(training: Training) -> float:
    """Return the wall time of a step, from a few steps of a copy of the model; nothing is kept of them.

    A quarter of them are quicker than what is returned: later passes are quicker too, as texts are tokenised once.

    Args:
        training: not begun yet; its source is read from the start.

    Raises:
        UserError: if the source cannot be read.
    """
    accelerator, source = training.accelerator, training.source
    copied = replace(training, model=copy.deepcopy(training.model).train())
    if isinstance(source, StreamSource):  # without its workers
        source = StreamSource(source.stream, source.batch_size)
    batches = source.batches(Place(), accelerator.process_index, accelerator.num_processes)
    stepper = Stepper(
        copied.task,
        accelerator.prepare(copied.model),
        copied.optimizers,
        training.arguments.gradient_clipping,
        accelerator,
    )
    for group in (group for optimizer in copied.optimizers for group in optimizer.param_groups):
        group["lr"] = 0.0  # only time matters
    pieces, place = training.arguments.gradient_accumulation_steps, (accelerator.device, 0.5)
    taken: list[float] = []
    count = TRIED[0]
    with ReadAhead(batches, lambda: False, training.read_timeout) as ahead:
        while len(taken) <= count:
            begun = time.perf_counter()
            batch = _first_of(ahead)
            with contextlib.suppress(NotFiniteError):  # reported by the training itself
                take_step(stepper, corrupt(copied.task, training.prepared, batch, pieces, place))
            taken.append(time.perf_counter() - begun)
            if len(taken) == 2:  # all processes take equally many
                mean = total(taken[1], accelerator) / accelerator.num_processes
                count = max(TRIED[0], min(TRIED[1], int(TRIED_SECONDS / mean)))
    accelerator.free_memory()
    return statistics.quantiles(taken[1:], n=4)[0]


def _first_of(ahead: Iterator[Batch]) -> Batch:
    try:
        return next(ahead)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"cannot read the first rows: {in_one_line(error)}; fix that and rerun the same command"
        ) from error


def seconds_of_measuring(
    embed: Callable[[list[Any]], Any], inputs: list[Any], prepared: Prepared, classes: int
) -> float:
    """Return about how long features will be measured: two networks, the baselines, and readouts of all.

    Args:
        embed: returns the features of inputs.
        inputs: a few.
        prepared: gives the number of rows.
        classes: number of labels.
    """
    embed(inputs)  # the first time is slower
    begun = time.perf_counter()
    embed(inputs)
    row = (time.perf_counter() - begun) / max(1, len(inputs))
    modality = prepared.modality
    fitting = modality.costs.measured_row_seconds * max(1.0, classes / USUAL_CLASSES) ** 0.5
    return sum(modality.measured_rows) * (2 * row + fitting)
