"""Clusters for people: names, colours, agreement with labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from hf_ssl.demo.index import Index
from hf_ssl.evaluation.metrics import AGREEMENTS
from hf_ssl.unsupervised.naming import describe_clusters, match_colours

TERMS = 3


def group(index: Index, features: str, method: str, count: int, projection: str) -> dict[str, Any]:
    """Return rows grouped, on a map.

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
        agreement = {name: float(metric.score(labels[known], clusters[known])) for name, metric in AGREEMENTS.items()}
    return {
        "x": positions[:, 0].tolist(),
        "y": positions[:, 1].tolist(),
        "clusters": clusters.tolist(),
        "names": named,
        "agreement": agreement,
    }


def _names(index: Index, clusters: np.ndarray) -> list[dict[str, Any]]:
    rows = index.rows
    terms = rows.modality.terms_of(rows.inputs, clusters, TERMS)
    described = describe_clusters(clusters, rows.labels, rows.names, terms)
    colours = match_colours(clusters, rows.labels, len(described), len(rows.names))
    return [
        {
            "name": ", ".join(each["terms"]) or f"cluster {each['cluster'] + 1}",
            "rows": each["rows"],
            "colour": colour,
            "label": each["label"],
            "share": each["label_share"],
        }
        for each, colour in zip(described, colours, strict=True)
    ]
