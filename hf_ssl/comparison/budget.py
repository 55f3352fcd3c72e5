"""A time becomes a plan: how many rows, steps, draws. Once, from what things cost on two laptop cores, not from a clock.

So the same command makes the same report everywhere; on a slower machine it takes longer, and the report says how long.
"""

from dataclasses import asdict, dataclass
from typing import Any

from hf_ssl.comparison.measure import Effort

CORES = 2
USUAL_SIZE = 32  # pixels a side that costs are of
PRETRAINING_SHARE = 0.2  # of the budget, for each of the tasks together
# Seconds a step on one of two cores, at the settings of SETTINGS; a step that leaves one core idle counts both.
COSTS = {"contrastive_text": 0.17, "masked_language": 0.25, "contrastive": 0.5, "masked_codes": 0.3}
USUAL_COST = 0.3  # of tasks that were not timed
# Beyond these more steps were worth little or were not tried.
MOST_STEPS = {"contrastive_text": 900, "masked_language": 3000, "contrastive": 3000, "masked_codes": 3000}
FEWEST_STEPS = 50
SETTINGS: dict[str, dict[str, Any]] = {
    "masked_language": {"sequence_length": 64, "batch_size": 32},
    "contrastive": {"batch_size": 256},
}
DEFAULT_TASKS = {"text": ("contrastive_text", "masked_language"), "images": ("contrastive", "masked_codes")}
ROWS_A_MINUTE = {"text": (4000, 2000), "images": (1200, 480)}
MOST_ROWS = {"text": (50_000, 10_000), "images": (25_000, 6_000)}
SCRATCH_COSTS = {"text": 0.036, "images": 0.09}  # the same of training with labels, 64 rows


@dataclass(frozen=True)
class Plan:
    """What a budget buys.

    Attributes:
        rows: of bank and test, at most.
        steps: task -> optimizer steps.
        effort: of measuring.
        supervised_counts: labels a class at which networks are fine-tuned and trained from scratch.
        supervised_draws: of those labels.
        supervised_steps: of each of these trainings.
        equal_compute_steps: of training from scratch with all that pretraining cost too, shared among its candidates; 0 without.
        map_rows: points of the map.
        left_out: sentences.
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
        """As JSON."""
        return asdict(self)


def plan_for(seconds: float, kind: str, tasks: list[str], seeds: int, image_size: int = USUAL_SIZE) -> Plan:
    """Turn a budget into a plan; a function of its arguments.

    Args:
        seconds: of the budget, on two cores.
        kind: "text" or "images".
        tasks: to pretrain with; empty for the usual ones.
        seeds: pretraining runs a task.
        image_size: pixels a side.
    """
    area = max(1.0, (image_size / USUAL_SIZE) ** 2) if kind == "images" else 1.0  # what a step costs, and a row
    minutes = seconds / 60
    left_out = []
    usual = DEFAULT_TASKS[kind]
    chosen = tuple(tasks) or (usual if minutes >= 15 else usual[:1])
    if not tasks and len(chosen) < len(usual):
        left_out.append(f"pretraining with {usual[1]} (from 15min on)")
    bank, test = (rows / area for rows in ROWS_A_MINUTE[kind])
    most_bank, most_test = (int(rows / area) for rows in MOST_ROWS[kind])
    rows = min(most_bank, max(1000, int(bank * minutes))), min(most_test, max(500, int(test * minutes)))
    if rows != (most_bank, most_test):
        left_out.append(f"rows beyond {rows[0]:,} to learn readouts from and {rows[1]:,} to measure on")
    share = PRETRAINING_SHARE * seconds * CORES / len(chosen) / seeds
    steps = {}
    for task in chosen:
        most = MOST_STEPS.get(task, 3000)
        steps[task] = max(FEWEST_STEPS, min(most, int(share / area / COSTS.get(task, USUAL_COST))))
        if steps[task] < most:
            left_out.append(f"{most - steps[task]:,} of {most:,} steps of {task}")
    if minutes < 4:
        left_out.append("two of five draws of labels")
    if minutes < 2:
        left_out.append("Gaussian mixtures, HDBSCAN, fine-tuning and training from scratch")
    spent = sum(steps[task] * COSTS.get(task, USUAL_COST) for task in chosen[:1])
    if minutes < 4:
        left_out.append("training from scratch with all that pretraining cost")
    return Plan(
        rows=rows,
        steps=steps,
        effort=Effort(5 if minutes >= 4 else 3, 5 if minutes >= 4 else 3, 1000, minutes >= 2),
        supervised_counts=() if minutes < 2 else (10, 1000) if minutes >= 15 else (10,),
        supervised_draws=2 if minutes >= 15 and seeds == 1 else 1,
        supervised_steps=200 if minutes >= 15 else 100,
        equal_compute_steps=int(spent / SCRATCH_COSTS[kind]) if minutes >= 4 else 0,
        map_rows=2000 if minutes >= 4 else 1000,
        left_out=tuple(left_out),
    )
