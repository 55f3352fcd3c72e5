"""From hidden layers to features: which layer and how much whitening, chosen on the bank alone for every set of features."""

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

MOST_DIMENSIONS = 128
POWERS = (0.0, 0.25, 0.5)  # 0: rotated only; 0.5: fully whitened


@dataclass(frozen=True)
class Readout:
    """Features ready to be measured.

    Attributes:
        bank: float32, shape (rows, dimensions).
        test: float32, shape (rows, dimensions).
        choice: what was chosen, for the record.
    """

    bank: np.ndarray
    test: np.ndarray
    choice: dict[str, float | str]


def best_readout(candidates: dict[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray) -> Readout:
    """Choose among sets of features and whitening powers by kNN accuracy on three folds of the bank.

    Every method gets the same choice, the untrained network and the baselines too.

    Args:
        candidates: name (of a layer, a dimension) -> (bank, test) features.
        labels: int, shape (bank rows,).
    """
    best: tuple[float, Readout] | None = None
    for name, (bank, test) in candidates.items():
        for power in POWERS:
            whitened = whiten(bank, test, power)
            accuracy = float(
                np.mean(cross_val_score(KNeighborsClassifier(5, metric="cosine"), whitened[0], labels, cv=3))
            )
            if best is None or accuracy > best[0]:
                best = accuracy, Readout(*whitened, {"features": name, "whitening": power})
    assert best is not None, "no candidates"
    return best[1]


def whiten(bank: np.ndarray, test: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotate to principal components of the bank and divide each by its variance to a power; at most 128 dimensions."""
    dimensions = min(MOST_DIMENSIONS, *bank.shape)
    pca = PCA(dimensions, svd_solver="covariance_eigh" if bank.shape[0] >= bank.shape[1] else "full").fit(bank)
    variance = pca.explained_variance_
    kept = variance > variance[0] * 1e-6
    scale = variance[kept] ** -power
    return pca.transform(bank)[:, kept] * scale, pca.transform(test)[:, kept] * scale
