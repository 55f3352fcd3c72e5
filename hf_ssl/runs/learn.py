"""Train classifiers on few or many labels, pretrained or from scratch, each with its best learning rate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from transformers import PreTrainedModel

from hf_ssl.common.device import torch_threads
from hf_ssl.common.run_folder import FINE_TUNING, RunFolder
from hf_ssl.common.writing import write_text
from hf_ssl.data.batches import MemorySource
from hf_ssl.data.stream import Sample
from hf_ssl.evaluation.metrics import Accuracy
from hf_ssl.runs.pretrained import Pretrained
from hf_ssl.training.accelerator import build_accelerator
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import newest_checkpoint
from hf_ssl.training.classification import Classification, learn_last_layer, predict
from hf_ssl.training.loop import Training

FEWEST_TO_CHOOSE = 4  # labels per class: a quarter of them chooses
# Peak learning rates to choose from. Embeddings alone tolerate higher ones than layers.
FINE_TUNING_RATES = {"embeddings": (0.0, 1e-3, 1e-2), "network": (0.0, 1e-4, 1e-3)}
FROM_SCRATCH_RATES = {"embeddings": (1e-3, 1e-2), "network": (1e-3, 3e-3)}
SAVE_STEPS = 100
READ_TIMEOUT = 600.0  # seconds; nothing is read


@dataclass(frozen=True)
class Learned:
    """A classifier and how it was trained.

    Attributes:
        model: trained on all labelled rows.
        steps: optimizer steps; 0 if only the last layer was trained.
        learning_rate: peak learning rate.
        tried: peak learning rate -> accuracy on the validation rows; empty if there were too few.
        cpu_seconds: CPU time of all trainings.
    """

    model: PreTrainedModel
    steps: int
    learning_rate: float
    tried: dict[float, float]
    cpu_seconds: float


@dataclass(frozen=True)
class Learner:
    """Trains a classifier from a run and labelled samples. Interrupted trainings resume.

    Attributes:
        run: gives the architecture and, unless ``from_scratch``, the weights.
        names: label names.
        steps: optimizer steps.
        batch_size: rows per step; all rows if there are fewer.
        seed: seed of new weights, order and crops.
        folder: folder of the trainings' checkpoints.
        from_scratch: whether to use new weights.
        rate: peak learning rate; 0 trains the last layer alone, None chooses on a quarter of the labelled rows.
    """

    run: Pretrained
    names: Sequence[str]
    steps: int
    batch_size: int
    seed: int
    folder: Path
    from_scratch: bool = False
    rate: float | None = None

    def learn(self, samples: Sequence[Sample]) -> Learned:
        """Train a classifier on labelled samples.

        Raises:
            UserError: if there is no classifier for such a model, or the loss is not finite.
            Stopped: after a signal, once everything is saved.
        """
        rates = self._rates()
        labels = np.array([sample.label for sample in samples])
        smallest = int(np.bincount(labels)[np.unique(labels)].min())
        tried: dict[float, float] = {}
        seconds = 0.0
        # The lowest nonzero rate, if there are too few labels to choose.
        best = rates[0] if self.from_scratch or len(rates) == 1 else rates[1]
        if smallest >= FEWEST_TO_CHOOSE and len(rates) > 1:
            fitted, held = train_test_split(
                np.arange(len(samples)), test_size=0.25, random_state=self.seed, stratify=labels
            )
            for rate in rates:
                tried[rate], cost = self._try(
                    rate, [samples[place] for place in fitted], [samples[place] for place in held]
                )
                seconds += cost
            best = max(tried, key=tried.__getitem__)  # the first of equals, which changes the features least
        model, cost = self._train(best, samples, "all")
        return Learned(model, self.steps if best else 0, best, tried, seconds + cost)

    def _rates(self) -> tuple[float, ...]:
        if self.rate is not None:
            return (self.rate,)
        kind = "embeddings" if self.run.modality.embeddings_alone else "network"
        return (FROM_SCRATCH_RATES if self.from_scratch else FINE_TUNING_RATES)[kind]

    def _try(self, rate: float, fitted: Sequence[Sample], held: Sequence[Sample]) -> tuple[float, float]:
        """Return the accuracy that a learning rate reaches on the held samples, and the CPU seconds it took."""
        known = self.folder / f"tried_{rate:g}.json"
        if not known.exists():
            model, seconds = self._train(rate, fitted, f"tried_{rate:g}")
            truth = np.array([sample.label for sample in held])
            accuracy = Accuracy().of(truth, predict(model, self.run.prepared, held))
            write_text(known, json.dumps({"accuracy": accuracy, "cpu_seconds": seconds}))
        found = json.loads(known.read_text(encoding="utf-8"))
        return found["accuracy"], found["cpu_seconds"]

    def _train(self, rate: float, samples: Sequence[Sample], name: str) -> tuple[PreTrainedModel, float]:
        """Return a classifier trained with one learning rate, and the CPU seconds it took."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        task = Classification(tuple(self.names), str(self.run.model_folder), trained=not self.from_scratch)
        prepared = self.run.prepared
        model = task.model(prepared, self.seed).to(self.run.encoder.device)
        checkpoints = RunFolder(path, {}, FINE_TUNING)
        if not self.from_scratch and newest_checkpoint(checkpoints.checkpoints) is None:
            learn_last_layer(model, prepared, samples)
        if not rate:
            return model, 0.0
        arguments = TrainingArguments(
            output_dir=str(path),
            max_steps=self.steps,
            batch_size=min(self.batch_size, len(samples)),
            optimizer="adamw",
            learning_rate=rate,
            weight_decay=0.01,
            warmup_share=0.1,
            decay_share=0.9,
            save_steps=SAVE_STEPS,
            seed=self.seed,
        )
        training = Training(
            task=task,
            prepared=prepared,
            model=model,
            source=MemorySource(samples, arguments.batch_size, self.seed),
            arguments=arguments,
            accelerator=build_accelerator(arguments, READ_TIMEOUT),
            folder=checkpoints,
            title="training from scratch" if self.from_scratch else "fine-tuning",
        )
        training.resume()
        with torch_threads(self.run.modality.threads):
            progress = training.run()
        return model, progress.cpu_seconds


def labelled_samples(run: Pretrained, inputs: Sequence[Any], labels: np.ndarray) -> list[Sample]:
    """Return inputs as samples with labels, encoded as for the run."""
    samples = run.modality.as_samples(run.prepared, inputs)
    return [replace(sample, label=int(label)) for sample, label in zip(samples, labels, strict=True)]
