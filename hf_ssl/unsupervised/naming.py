"""What clusters are about: the terms that set their texts apart, and the rows in their middle."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from hf_ssl.unsupervised.clustering import Clusters
from hf_ssl.unsupervised.features import checked

MOST_TERMS = 50_000
WORDS = r"(?u)\b[^\W\d_]\w+\b"  # that begin with a letter
KINDS = (  # the next where a text collection has no term of the one before
    {"stop_words": "english", "token_pattern": WORDS},
    {"token_pattern": r"(?u)\b\w+\b"},
    {"analyzer": "char", "ngram_range": (1, 3)},
)


def top_terms(texts: Sequence[str], labels: np.ndarray, count: int = 5) -> dict[int, list[str]]:
    """The terms that set each cluster apart: class-based TF-IDF (Grootendorst 2022).

    A term counts once a text. Terms are words without English stop words and numbers; where no text has one, all words; where
    there are no words either, sequences of up to three characters.

    Args:
        texts: one a row.
        labels: int, shape (rows,); rows with a label below 0 play no part.
        count: terms a cluster, at most.

    Returns:
        Label -> terms, the best first; fewer where its texts hold no more.
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
    """The rows of each cluster that are nearest to its centre (cosine), the nearest first.

    Args:
        features: float, shape (rows, dimensions), that were clustered.
        clusters: of them.
        count: rows a cluster, at most.
    """
    points, centres = normalize(checked(features)), normalize(clusters.centres)
    nearest = {}
    for label, centre in enumerate(centres):
        members = np.flatnonzero(clusters.labels == label)
        nearest[label] = members[np.argsort(-(points[members] @ centre), kind="stable")[:count]].tolist()
    return nearest
