"""Whole networks on labelled rows: pretrained and fine-tuned, against the same network from scratch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.comparison.budget import Plan
from hf_ssl.evaluation.cells import Cell, Cells, Computed
from hf_ssl.evaluation.intervals import Draws, accuracy_interval
from hf_ssl.evaluation.label_efficiency import draw_rows
from hf_ssl.evaluation.measured_rows import MeasuredRows
from hf_ssl.runs.learn import FEWEST_TO_CHOOSE, FROM_SCRATCH_RATES, Learner, labelled_samples
from hf_ssl.runs.pretrained import Pretrained
from hf_ssl.training.classification import predict

ONE_PERCENT = 0.01
BATCH_SIZE = 64
KINDS = {
    "fine_tuned": "fine-tuned",
    "from_scratch": "from scratch",
    "from_scratch_equal_compute": "from scratch, equal compute",
}


def one_percent(labels: np.ndarray) -> int:
    """Return the number of labels per class that makes about 1 % of all, at least 1."""
    return max(1, round(ONE_PERCENT * len(labels) / len(np.unique(labels))))


def can_be_classified(run: Pretrained) -> bool:
    """Return whether there is a classifier for the run's kind of network."""
    try:
        run.modality.classifier(run.prepared, ["no", "yes"], 0, run.model_folder, trained=False)
    except UserError:
        return False
    return True


@dataclass(frozen=True)
class SupervisedTraining:
    """Trains classifiers on drawn labelled rows and measures them, each in its own cell.

    Attributes:
        cells: cached parts.
        rows: bank and test.
        plan: steps and draws.
        folder: folder of the trainings' checkpoints until they are done.
        seed: seed of draws and weights.
    """

    cells: Cells
    rows: MeasuredRows
    plan: Plan
    folder: Path
    seed: int

    def cell(self, run: Pretrained, kind: str, a_class: int, number: int) -> Cell:
        """Return "accuracy", total "labels", "tried"; array "found", int of shape (draws, labelled test rows).

        Args:
            run: gives weights or architecture.
            kind: one of KINDS; "from_scratch_equal_compute" gets extra steps worth the cost of pretraining, shared among the
                learning rates that it tries.
            a_class: labels per class.
            number: index of the pretraining seed.
        """
        # Training from scratch takes only the architecture from the run.
        depends = {"run": run.identity, "labels": a_class, "plan": self.plan.record(), "number": number}
        return self.cells(f"{kind}_{a_class}", depends, lambda: self._compute(run, kind, a_class, self.seed + number))

    def _compute(self, run: Pretrained, kind: str, a_class: int, seed: int) -> Computed:
        rows, known = self.rows, self.rows.known
        labelled_test = np.flatnonzero(rows.test.labels >= 0)
        labels, test_labels = rows.bank.labels[known], rows.test.labels[labelled_test]
        test = run.modality.as_samples(run.prepared, [rows.test.inputs[place] for place in labelled_test])
        folder = self.folder / f"{kind}_{a_class}_{seed}"
        found, tried, seconds = [], [], 0.0
        for draw in range(self.plan.supervised_draws):
            chosen = draw_rows(labels, a_class, seed + draw)
            learner = Learner(
                run=run,
                names=rows.names,
                steps=self._steps(kind, a_class),
                batch_size=BATCH_SIZE,
                seed=seed + draw,
                folder=folder / str(draw),
                from_scratch=kind != "fine_tuned",
            )
            inputs = [rows.bank.inputs[known[place]] for place in chosen]
            learned = learner.learn(labelled_samples(run, inputs, labels[chosen]))
            found.append(predict(learned.model, run.prepared, test))
            tried.append({str(rate): accuracy for rate, accuracy in learned.tried.items()})
            seconds += learned.cpu_seconds
        predictions = np.array(found)
        figures: dict[str, Any] = {
            "accuracy": accuracy_interval(Draws(test_labels, predictions), seed),
            "labels": len(chosen),
            "steps": self._steps(kind, a_class),
            "tried": tried,
            "training_cpu_seconds": round(seconds / self.plan.supervised_draws, 1),
        }
        shutil.rmtree(folder)
        return figures, {"found": predictions}

    def _steps(self, kind: str, a_class: int) -> int:
        if kind != "from_scratch_equal_compute":
            return self.plan.supervised_steps
        # One training per learning rate tried, then one on all rows; with too few labels none is tried.
        trainings = len(FROM_SCRATCH_RATES["network"]) + 1 if a_class >= FEWEST_TO_CHOOSE else 1
        return self.plan.supervised_steps + self.plan.equal_compute_steps // trainings
