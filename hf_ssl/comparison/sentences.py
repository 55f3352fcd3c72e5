"""The worked example: six sentences in two groups, by every route that takes sentences."""

from typing import Any

import numpy as np

from hf_ssl.comparison.cells import Computed
from hf_ssl.data.embedded_sentences import GROUPS, SENTENCES
from hf_ssl.evaluation.text_baselines import tfidf
from hf_ssl.modalities.text import TextTask
from hf_ssl.pretrained import Pretrained
from hf_ssl.unsupervised.methods import kmeans


def six_sentences(runs: dict[str, list[Pretrained]]) -> Computed:
    """Two clusters (k-means, the best of ten starts) of the six sentences.

    Nothing is trained on them.

    Args:
        runs: title -> runs; the first of each takes part, if it takes text.

    Returns:
        "sentences", "groups", and "routes": name -> {"clusters": cluster of each, "right": whether they are the two groups}.
    """
    texts = [text for text, _ in SENTENCES]
    expected = np.array([GROUPS.index(group) for _, group in SENTENCES])
    routes: dict[str, Any] = {"TF-IDF": tfidf(texts, texts)[0]}
    for title, several in runs.items():
        run = several[0]
        if isinstance(run.task, TextTask):
            for name, encoder in (("pretrained", run.encoder), ("untrained", run.untrained(0))):
                routes[f"{title}, {name}"] = list(run.embed(encoder, texts, title).values())[-1]
    found = {}
    for name, features in routes.items():
        clusters = kmeans(features, len(GROUPS), seed=0)
        same = (clusters[:, None] == clusters) == (expected[:, None] == expected)
        found[name] = {"clusters": clusters.tolist(), "right": bool(same.all())}
    groups = [GROUPS[place] for place in expected]
    return {"sentences": texts, "groups": groups, "routes": found}, {}
