"""Whole networks on labelled rows: pretrained and fine-tuned, against the same network from scratch."""

from typing import Any

import numpy as np

from hf_ssl.comparison.budget import Plan
from hf_ssl.comparison.cells import Computed
from hf_ssl.errors import UserError
from hf_ssl.evaluation.intervals import accuracy_interval
from hf_ssl.evaluation.rows import ComparedRows
from hf_ssl.pretrained import Pretrained
from hf_ssl.transfer.classifier import classifier_of
from hf_ssl.transfer.fine_tuning import Recipe, predict
from hf_ssl.transfer.inputs import Batches
from hf_ssl.transfer.label_efficiency import draw_rows
from hf_ssl.transfer.supervised import FEWEST_TO_CHOOSE, FROM_SCRATCH, learn

ONE_PERCENT = 0.01
KINDS = ("fine_tuned", "from_scratch", "from_scratch_equal_compute")


def one_percent(labels: np.ndarray) -> int:
    """Labels a class that make about a hundredth of all, 1 at least."""
    return max(1, round(ONE_PERCENT * len(labels) / len(np.unique(labels))))


def can_be_classified(run: Pretrained) -> bool:
    """Whether there is a classifier for the run's kind of network."""
    try:
        classifier_of(run, ["no", "yes"], seed=0, from_scratch=True)
    except UserError:
        return False
    return True


def train_with_labels(run: Pretrained, rows: ComparedRows, plan: Plan, a_class: int, kind: str, seed: int) -> Computed:
    """Train classifiers on drawn labelled rows and measure them.

    Args:
        run: gives weights or architecture.
        rows: bank and test.
        plan: steps and draws.
        a_class: labels a class.
        kind: one of KINDS; "from_scratch_equal_compute" has the steps that pretraining cost too, shared among the learning rates
            that it may choose from.
        seed: of draws and weights.

    Returns:
        "accuracy" with its interval, "labels" in all, "tried"; array "right", bool of shape (draws, test rows).
    """
    known, labelled_test = rows.known, np.flatnonzero(rows.test.labels >= 0)
    labels, test_labels = rows.bank.labels[known], rows.test.labels[labelled_test]
    steps = plan.supervised_steps
    if kind == "from_scratch_equal_compute":
        # Each rate that is tried takes as many, and then all rows once more; of too few labels none is tried.
        trainings = len(FROM_SCRATCH["static"]) + 1 if a_class >= FEWEST_TO_CHOOSE else 1
        steps += plan.equal_compute_steps // trainings
    test = Batches.of(run, [rows.test.inputs[place] for place in labelled_test])
    right, tried, seconds = [], [], 0.0
    for draw in range(plan.supervised_draws):
        chosen = draw_rows(labels, a_class, seed + draw)
        batches = Batches.of(run, [rows.bank.inputs[known[place]] for place in chosen])
        learned = learn(
            run,
            batches,
            labels[chosen],
            np.arange(len(chosen)),
            rows.names,
            Recipe(steps, 0.0),
            seed + draw,
            from_scratch=kind != "fine_tuned",
        )
        right.append(predict(learned.model, test) == test_labels)
        tried.append({str(rate): accuracy for rate, accuracy in learned.tried.items()})
        seconds += learned.cpu_seconds
    found = np.array(right)
    figures: dict[str, Any] = {
        "accuracy": accuracy_interval(found, seed),
        "labels": len(chosen),
        "steps": steps,
        "tried": tried,
        "training_cpu_seconds": round(seconds / plan.supervised_draws, 1),
    }
    return figures, {"right": found}
