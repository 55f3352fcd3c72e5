"""Points, maps and clusters of the shown rows: computed once, on first use or all beforehand."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.preprocessing import normalize

from hf_ssl.common.progress import progress_bar
from hf_ssl.demo.points import Features
from hf_ssl.demo.shown_rows import ShownRows
from hf_ssl.modalities.base import Modality
from hf_ssl.unsupervised.clustering import cluster
from hf_ssl.unsupervised.projection import pca_map, place, tsne_map

METHODS = {"kmeans": "k-means", "gaussian_mixture": "Gaussian mixture"}
PROJECTIONS: dict[str, tuple[str, Callable[[np.ndarray, int], np.ndarray]]] = {
    "tsne": ("t-SNE", tsne_map),
    "pca": ("PCA", pca_map),
}
FEWEST_CLUSTERS, USUAL_CLUSTERS, MOST_CLUSTERS = 2, 8, 12
SIDE = 1000  # of a map
SEED = 0
COMPUTED = "computed "  # before the names of arrays that are saved


class Index:
    """What is known of the shown rows; safe to be asked by several threads.

    Attributes:
        rows: that are shown.
        features: name -> a way to turn rows into points; the first is shown first.
        names: (features, method, number of clusters) -> what the clusters are called, where that was asked before.
    """

    def __init__(self, rows: ShownRows, features: Sequence[Features]) -> None:
        """Take rows and features; nothing is computed yet."""
        self.rows = rows
        self.features = {each.name: each for each in features}
        self._arrays: dict[tuple[str, str], np.ndarray] = {}
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._making_locks = threading.Lock()
        self.names: dict[tuple[str, str, int], list[dict[str, Any]]] = {}

    @property
    def most_clusters(self) -> int:
        """Return the most clusters that can be asked for."""
        return max(1, min(len(self.rows.inputs), max(MOST_CLUSTERS, min(len(self.rows.names), 20))))

    @property
    def fewest_clusters(self) -> int:
        """Return the fewest clusters that can be asked for."""
        return min(FEWEST_CLUSTERS, self.most_clusters)

    @property
    def usual_clusters(self) -> int:
        """Return as many as there are labels, or eight."""
        return max(self.fewest_clusters, min(len(self.rows.names) or USUAL_CLUSTERS, self.most_clusters))

    def points(self, features: str) -> np.ndarray:
        """Return features of the shown rows: float32, shape (rows, dimensions)."""

        def compute() -> np.ndarray:
            chosen = self.features[features]
            chosen.fit(self.rows.bank)
            return chosen.encode(self.rows.inputs)

        return self._once(features, "points", compute)

    def positions(self, features: str, projection: str) -> np.ndarray:
        """Return places on a map: int16, shape (rows, 2), from 0 to 1,000."""

        def compute() -> np.ndarray:
            found = PROJECTIONS[projection][1](self.points(features), SEED)
            low, extent = found.min(0), float(np.ptp(found, axis=0).max()) or 1.0
            margin = (SIDE - (found - low).max(0) / extent * SIDE) / 2  # in the middle, nothing stretched
            return np.asarray((found - low) / extent * SIDE + margin, np.int16)

        return self._once(features, projection, compute)

    def clusters(self, features: str, method: str, count: int) -> np.ndarray:
        """Return the cluster of each row: int16, shape (rows,), from 0."""

        def compute() -> np.ndarray:
            return cluster(self.points(features), method, count, SEED).labels.astype(np.int16)

        return self._once(features, f"{method}_{count}", compute)

    def place(self, features: str, projection: str, row: Any, count: int) -> tuple[list[int], list[tuple[int, float]]]:
        """Return where a new row belongs.

        Args:
            features: of the map.
            projection: of the map.
            row: an input of the modality.
            count: how many of the nearest rows.

        Returns:
            Its place on the map (the weighted mean of those of its nearest rows), and (row, cosine) of the nearest ones.
        """
        points, positions = self.points(features), self.positions(features, projection)
        point = self.features[features].encode([row])
        similarities = normalize(points) @ normalize(point)[0]
        nearest = np.argsort(-similarities, kind="stable")[:count]
        where = place(point, points, positions.astype(np.float32))[0]
        return [round(float(part)) for part in where], [(int(n), float(similarities[n])) for n in nearest]

    def prepare(self) -> None:
        """Compute what is likely to be looked at: each of the features, its first map, its usual clusters."""
        first = next(iter(PROJECTIONS))
        wanted: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        for name in self.features:
            wanted += [(self.positions, (name, first)), (self.clusters, (name, "kmeans", self.usual_clusters))]
        self._compute(wanted, "first maps")

    def complete(self) -> None:
        """Compute everything that can be asked for."""
        counts = range(self.fewest_clusters, self.most_clusters + 1)
        self._compute(
            [(self.positions, (name, projection)) for name in self.features for projection in PROJECTIONS]
            + [(self.clusters, (name, method, n)) for method in METHODS for n in counts for name in self.features],
            "maps and clusters",
        )

    def _compute(self, wanted: list[tuple[Callable[..., Any], tuple[Any, ...]]], title: str) -> None:
        for compute, arguments in progress_bar(title, wanted, unit="part", delay=3, leave=False):
            compute(*arguments)

    def save(self, folder: Path) -> None:
        """Write rows (Parquet), what was computed and learned (safetensors), and what both are (JSON)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.rows.save(folder / "rows.parquet")
        described = {}
        for name, features in self.features.items():
            arrays, described[name] = features.state()
            computed = {
                f"{COMPUTED}{key}": array for (owner, key), array in list(self._arrays.items()) if owner == name
            }
            contiguous = {key: np.ascontiguousarray(array) for key, array in (arrays | computed).items()}
            save_file(contiguous, folder / f"{name}.safetensors")
        content = {"dataset": self.rows.dataset, "names": self.rows.names, "features": described}
        (folder / "index.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, modality: Modality, features: Sequence[Features]) -> Self:
        """Read what `save` wrote.

        Args:
            folder: that holds it.
            modality: of the rows.
            features: the same ways, in the same order; what they learned is read.
        """
        content = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        index = cls(ShownRows.read(folder / "rows.parquet", modality, content["dataset"], content["names"]), features)
        for each in features:
            arrays = load_file(folder / f"{each.name}.safetensors")
            each.restore((arrays, content["features"][each.name]))
            computed = {key: array for key, array in arrays.items() if key.startswith(COMPUTED)}
            index._arrays |= {(each.name, key.removeprefix(COMPUTED)): array for key, array in computed.items()}
        return index

    def _once(self, features: str, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        key = features, name
        with self._making_locks:
            lock = self._locks[key]
        with lock:  # whoever asks meanwhile waits for the same answer
            if key not in self._arrays:
                self._arrays[key] = compute()
            return self._arrays[key]
