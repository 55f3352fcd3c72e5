"""Turn a time budget into a plan of rows, steps and draws, using costs measured on two cores, not a clock.

A slower machine, see `hf_ssl.comparison.speed`, gets the plan of a smaller budget; the plan is made once and kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hf_ssl.evaluation.measure import Effort
from hf_ssl.modalities.base import Modality

CORES = 2
PRETRAINING_SHARE = 0.2  # of the budget, for all tasks together
USUAL_SECONDS = 0.3  # per step, for tasks that were not timed
MOST_STEPS = 3000  # more were never tried
FEWEST_STEPS = 50
FEWEST_ROWS = 1000, 500  # of bank and test


@dataclass(frozen=True)
class Plan:
    """What a budget buys.

    Attributes:
        rows: maximum numbers of bank and test rows.
        steps: task -> optimizer steps.
        effort: how thoroughly to measure.
        supervised_counts: labels per class for fine-tuning and training from scratch.
        supervised_draws: draws of those labels.
        supervised_steps: optimizer steps of each training.
        equal_compute_steps: extra steps from scratch worth the cost of pretraining, shared among learning rates; 0 for none.
        map_rows: points of the map.
        left_out: what the budget leaves out, as phrases.
    """

    rows: tuple[int, int]
    steps: dict[str, int]
    effort: Effort
    supervised_counts: tuple[int, ...]
    supervised_draws: int
    supervised_steps: int
    equal_compute_steps: int
    map_rows: int
    left_out: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return asdict(self)


def plan_for(seconds: float, modality: Modality, tasks: list[str], seeds: int, clusters: int | None) -> Plan:
    """Turn a budget into a plan, which depends on the arguments alone.

    Args:
        seconds: the budget, on two cores.
        modality: gives the costs.
        tasks: pretext tasks; empty for the default ones.
        seeds: pretraining runs per task.
        clusters: number of clusters, if given.
    """
    costs, minutes = modality.costs, seconds / 60
    left_out: list[str] = []
    chosen = tuple(tasks) or (costs.tasks if minutes >= 15 else costs.tasks[:1])
    if not tasks and len(chosen) < len(costs.tasks):
        left_out.append(f"pretraining with {costs.tasks[1]} (from 15min on)")
    rows = _rows(modality, minutes, left_out)
    share = PRETRAINING_SHARE * seconds * CORES / len(chosen) / seeds
    steps = {}
    for task in chosen:
        most = costs.most_steps.get(task, MOST_STEPS)
        affordable = int(share / modality.relative_cost / costs.seconds.get(task, USUAL_SECONDS))
        steps[task] = max(FEWEST_STEPS, min(most, affordable))
        if steps[task] < most:
            left_out.append(f"{most - steps[task]:,} of {most:,} steps of {task}")
    if minutes < 4:
        left_out.append("two of five draws of labels")
    if minutes < 2:
        left_out.append("Gaussian mixtures, HDBSCAN, fine-tuning and training from scratch")
    if minutes < 4:
        left_out.append("training from scratch with equal compute")
    draws = 5 if minutes >= 4 else 3
    spent = sum(steps[task] * costs.seconds.get(task, USUAL_SECONDS) for task in chosen[:1])
    return Plan(
        rows=rows,
        steps=steps,
        effort=Effort(draws, draws, 1000, minutes >= 2, clusters),
        supervised_counts=() if minutes < 2 else (10, 1000) if minutes >= 15 else (10,),
        supervised_draws=2 if minutes >= 15 and seeds == 1 else 1,
        supervised_steps=200 if minutes >= 15 else 100,
        equal_compute_steps=int(spent / costs.supervised_seconds) if minutes >= 4 else 0,
        map_rows=2000 if minutes >= 4 else 1000,
        left_out=tuple(left_out),
    )


def _rows(modality: Modality, minutes: float, left_out: list[str]) -> tuple[int, int]:
    """Return the numbers of bank and test rows that fit the budget."""
    pairs = zip(modality.costs.rows_a_minute, modality.costs.most_rows, FEWEST_ROWS, strict=True)
    area = modality.relative_cost
    bank, test = (min(int(most / area), max(fewest, int(rate / area * minutes))) for rate, most, fewest in pairs)
    if (bank, test) != tuple(int(most / area) for most in modality.costs.most_rows):
        left_out.append(f"rows beyond {bank:,} to fit readouts on and {test:,} to test on")
    return bank, test
