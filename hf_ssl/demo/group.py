"""Clusters for people: names, colours, agreement with labels."""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from hf_ssl.demo.index import Index
from hf_ssl.evaluation.probes import cluster_accuracy
from hf_ssl.unsupervised.naming import top_terms

TERMS = 3
AGREEMENTS = {"nmi": normalized_mutual_info_score, "ari": adjusted_rand_score, "accuracy": cluster_accuracy}


def group(index: Index, features: str, method: str, count: int, projection: str) -> dict[str, Any]:
    """Rows grouped, on a map.

    Args:
        index: of the rows.
        features: name of the features.
        method: "kmeans" or "gaussian_mixture".
        count: number of clusters.
        projection: "tsne" or "pca".

    Returns:
        JSON; see `hf_ssl.demo.demo.Demo.group`.
    """
    positions = index.positions(features, projection)
    clusters = index.clusters(features, method, count).astype(np.int64)
    labels = index.rows.labels
    known = labels >= 0
    key = features, method, count
    named = index.names.get(key) or _names(index, clusters)
    index.names[key] = named
    agreement = None
    if index.rows.names and known.any():
        agreement = {name: float(score(labels[known], clusters[known])) for name, score in AGREEMENTS.items()}
    return {
        "x": positions[:, 0].tolist(),
        "y": positions[:, 1].tolist(),
        "clusters": clusters.tolist(),
        "names": named,
        "agreement": agreement,
    }


def _names(index: Index, clusters: np.ndarray) -> list[dict[str, Any]]:
    rows, count = index.rows, int(clusters.max()) + 1
    terms = top_terms(rows.inputs, clusters, TERMS) if rows.kind == "text" else {}
    colours = _colours(clusters, rows.labels, count, len(rows.names))
    named = []
    for cluster in range(count):
        truth = rows.labels[(clusters == cluster) & (rows.labels >= 0)]
        commonest = np.bincount(truth).argmax() if rows.names and len(truth) else None
        label = None if commonest is None else rows.names[commonest]
        named.append(
            {
                "name": ", ".join(terms.get(cluster, [])) or f"cluster {cluster + 1}",
                "rows": int((clusters == cluster).sum()),
                "colour": colours[cluster],
                "label": label,
                "share": None if commonest is None else float((truth == commonest).mean()),
            }
        )
    return named


def _colours(clusters: np.ndarray, labels: np.ndarray, count: int, names: int) -> list[int]:
    """The colour of the label that a cluster fits best, each once (Kuhn 1955); those that fit none get further ones."""
    colours: dict[int, int] = {}
    known = labels >= 0
    if names and known.any():
        table = contingency_matrix(clusters[known], labels[known])
        found, fitting = np.unique(clusters[known]), np.unique(labels[known])
        pairs = zip(*linear_sum_assignment(-table), strict=True)
        colours = {int(found[row]): int(fitting[column]) for row, column in pairs}
    spare = iter(number for number in range(names + count) if number not in colours.values())
    return [colours[cluster] if cluster in colours else next(spare) for cluster in range(count)]
