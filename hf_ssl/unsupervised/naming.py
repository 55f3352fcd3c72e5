"""Description of clusters: characteristic terms, central rows, labels and colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.cluster import contingency_matrix
from sklearn.preprocessing import normalize

from hf_ssl.unsupervised.clustering import Clusters
from hf_ssl.unsupervised.features import checked

MOST_TERMS = 50_000
WORDS = r"(?u)\b[^\W\d_]\w+\b"  # that start with a letter
KINDS = (  # each a fallback if the texts have no term of the previous kind
    {"stop_words": "english", "token_pattern": WORDS},
    {"token_pattern": r"(?u)\b\w+\b"},
    {"analyzer": "char", "ngram_range": (1, 3)},
)


def top_terms(texts: Sequence[str], labels: np.ndarray, count: int = 5) -> dict[int, list[str]]:
    """Return the most characteristic terms of each cluster by class-based TF-IDF (Grootendorst 2022).

    A term counts once per text. Terms are words without English stop words and numbers; if there are none, all words; if
    there are no words either, sequences of up to three characters.

    Args:
        texts: one per row.
        labels: int, shape (rows,); rows with a negative label are ignored.
        count: maximum number of terms per cluster.

    Returns:
        Label -> terms, best first; fewer if its texts contain no more.
    """
    known = [int(label) for label in np.unique(labels[labels >= 0])]
    kept = [text for text, label in zip(texts, labels.tolist(), strict=True) if label >= 0]
    for kind in KINDS:
        vectorizer = CountVectorizer(binary=True, max_features=MOST_TERMS, **kind)
        try:
            counted = vectorizer.fit_transform(kept)
            break
        except ValueError:  # no term at all
            continue
    else:
        return {label: [] for label in known}
    members = labels[labels >= 0]
    counts = np.stack([np.asarray(counted[np.flatnonzero(members == label)].sum(0)).ravel() for label in known])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    scores = shares * np.log1p(counts.sum() / len(known) / counts.sum(0))
    names = vectorizer.get_feature_names_out()
    best = {label: np.argsort(-row, kind="stable")[:count] for label, row in zip(known, scores, strict=True)}
    return {label: [str(names[n]) for n in best[label] if scores[place, n] > 0] for place, label in enumerate(known)}


def nearest_rows(features: np.ndarray, clusters: Clusters, count: int) -> dict[int, list[int]]:
    """Return the rows of each cluster that are nearest to its centre (cosine), nearest first.

    Args:
        features: the clustered features: float, shape (rows, dimensions).
        clusters: their clusters.
        count: maximum number of rows per cluster.
    """
    points, centres = normalize(checked(features)), normalize(clusters.centres)
    nearest = {}
    for label, centre in enumerate(centres):
        members = np.flatnonzero(clusters.labels == label)
        nearest[label] = members[np.argsort(-(points[members] @ centre), kind="stable")[:count]].tolist()
    return nearest


def describe_clusters(
    clusters: np.ndarray, labels: np.ndarray, names: Sequence[str], terms: dict[int, list[str]]
) -> list[dict[str, Any]]:
    """Describe each cluster by its size, its characteristic terms and its most common label.

    Args:
        clusters: int, shape (rows,), from 0; negative for rows in no cluster.
        labels: int, shape (rows,), from 0; -1 for unlabelled rows.
        names: names of the labels; empty if there are no labels.
        terms: cluster -> its terms, as found by `Modality.terms_of`.

    Returns:
        For each cluster "cluster", "rows", "terms", and "label" with "label_share" (of its labelled rows), both None if none
        of its rows has a label.
    """
    described = []
    for cluster in range(int(clusters.max(initial=-1)) + 1):
        members = labels[clusters == cluster]
        counts = np.bincount(members[members >= 0], minlength=1) if names else np.zeros(1, np.int64)
        commonest = int(counts.argmax()) if counts.sum() else None
        described.append(
            {
                "cluster": cluster,
                "rows": len(members),
                "terms": terms.get(cluster, []),
                "label": None if commonest is None else names[commonest],
                "label_share": None if commonest is None else float(counts.max() / counts.sum()),
            }
        )
    return described


def match_colours(groups: np.ndarray, others: np.ndarray, count: int, colours: int) -> list[int]:
    """Give each group the colour of the best-matching group in another partition of the same rows (Kuhn 1955).

    Args:
        groups: int, shape (rows,): the group of each row, from 0; -1 for no group.
        others: int, shape (rows,): its group in the other partition, whose number is its colour; -1 for no group.
        count: number of groups.
        colours: number of groups in the other partition.

    Returns:
        A distinct colour for each group; unmatched groups get unused colours.
    """
    matched: dict[int, int] = {}
    known = (groups >= 0) & (others >= 0)
    if known.any():
        table = contingency_matrix(groups[known], others[known])
        found, fitting = np.unique(groups[known]), np.unique(others[known])
        pairs = zip(*linear_sum_assignment(-table), strict=True)
        matched = {int(found[row]): int(fitting[column]) for row, column in pairs}
    free = iter(number for number in range(colours + count) if number not in matched.values())
    return [matched[group] if group in matched else next(free) for group in range(count)]
