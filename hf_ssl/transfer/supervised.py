"""A classifier from a few labels or many, pretrained or from scratch, each with its best recipe."""

import time
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import train_test_split
from transformers import PreTrainedModel

from hf_ssl.models.static import StaticModel
from hf_ssl.pretrained import Pretrained
from hf_ssl.threads import torch_threads
from hf_ssl.transfer.classifier import classifier_of
from hf_ssl.transfer.fine_tuning import Recipe, fine_tune, predict
from hf_ssl.transfer.inputs import Batches

FEWEST_TO_CHOOSE = 4  # labels of each class: a quarter of them chooses
# Peaks to choose from. Embeddings alone stand higher ones than layers do.
FINE_TUNING = {"static": (0.0, 1e-3, 1e-2), "network": (0.0, 1e-4, 1e-3)}
FROM_SCRATCH = {"static": (1e-3, 1e-2), "network": (1e-3, 3e-3)}


@dataclass(frozen=True)
class Learned:
    """A classifier and how it came about.

    Attributes:
        model: trained on all labelled rows.
        recipe: that was chosen.
        tried: peak learning rate -> accuracy on the labelled rows that were held back to choose; empty where there were too few.
        cpu_seconds: of choosing and training.
    """

    model: PreTrainedModel
    recipe: Recipe
    tried: dict[float, float]
    cpu_seconds: float


def learn(
    run: Pretrained,
    batches: Batches,
    labels: np.ndarray,
    rows: np.ndarray,
    names: list[str],
    recipe: Recipe,
    seed: int,
    from_scratch: bool = False,
    rate: float | None = None,
) -> Learned:
    """Train a classifier; the learning rate is chosen on a quarter of the labelled rows, if there are enough.

    Args:
        run: gives the architecture and, unless ``from_scratch``, the weights.
        batches: inputs, encoded.
        labels: int, one an input.
        rows: places of the inputs whose labels may be used.
        names: of the labels.
        recipe: how, but for the learning rate.
        seed: of weights and order.
        from_scratch: with new weights.
        rate: the peak learning rate; 0 trains the last layer alone, None chooses.
    """
    begun = time.process_time()
    kind = "static" if isinstance(run.encoder, StaticModel) else "network"
    rates = (FROM_SCRATCH if from_scratch else FINE_TUNING)[kind] if rate is None else (rate,)
    smallest = int(np.bincount(labels[rows])[np.unique(labels[rows])].min())
    recipes = {
        peak: replace(recipe, learning_rate=peak, steps=recipe.steps if peak else 0, probe_first=not from_scratch)
        for peak in rates
    }

    def trained(chosen: Recipe, on: np.ndarray) -> PreTrainedModel:
        model = classifier_of(run, names, seed, from_scratch)
        with torch_threads(run.task.threads):
            fine_tune(model, batches, labels, on, chosen, seed)
        return model

    tried: dict[float, float] = {}
    best = (
        rates[0] if from_scratch or len(rates) == 1 else rates[1]
    )  # the lowest that moves anything, if nothing can be chosen
    if smallest >= FEWEST_TO_CHOOSE and len(rates) > 1:
        fitted, held = train_test_split(rows, test_size=0.25, random_state=seed, stratify=labels[rows])
        for peak, each in recipes.items():
            model = trained(each, fitted)
            tried[peak] = float((predict(model, batches.part(held)) == labels[held]).mean())
        best = max(tried, key=tried.__getitem__)  # of equal ones the first, which moves the features least
    return Learned(trained(recipes[best], rows), recipes[best], tried, time.process_time() - begun)
