"""The features that are compared: of baselines, of untrained networks, of pretrained ones."""

from collections.abc import Callable, Sequence
from typing import Any

from sklearn.decomposition import TruncatedSVD

from hf_ssl.evaluation.image_baselines import patch_kmeans, pixels, whitened_components
from hf_ssl.evaluation.readout import AS_THEY_ARE, Pair
from hf_ssl.evaluation.text_baselines import tfidf, tfidf_svd
from hf_ssl.pretrained import Pretrained

Candidates = dict[str, Pair]
Baseline = Callable[[Sequence[Any], Sequence[Any], int], Candidates]
UNLABELLED_FIRST = "128 dimensions"  # of TF-IDF + SVD, where there are no labels to choose by
DIMENSIONS = (32, 64, 128, 256, 512)
DIMENSIONS_OF_PAIRS = (128, 256)
PAIRS_FROM = 50  # rows: with fewer, pairs of words are all rare

TITLES = {
    "tfidf": "TF-IDF",
    "tfidf_svd": "TF-IDF + SVD",
    "pixels": "pixels",
    "pca_whitened": "whitened PCA of pixels",
    "patch_kmeans": "patch k-means",
}


def baselines(kind: str) -> dict[str, Baseline]:
    """Features that need no network: name -> how to compute their variants of (bank, test), given a seed."""
    if kind == "text":
        return {"tfidf": _tfidf, "tfidf_svd": _tfidf_svd}
    return {
        "pixels": _pixels,
        "pca_whitened": lambda bank, test, _seed: whitened_components(bank, test),
        "patch_kmeans": patch_kmeans,
    }


def _pixels(bank: Sequence[Any], test: Sequence[Any], seed: int) -> Candidates:
    """Pixels along their 512 leading directions, not centred: cosines are as before, and take a sixth of the time."""
    candidates = pixels(bank, test)
    name, (flat, other) = next(iter(candidates.items()))
    most = max(DIMENSIONS)
    if min(flat.shape) <= most:
        return candidates
    directions = TruncatedSVD(most, n_iter=2, random_state=seed).fit(flat)
    return {name: (directions.transform(flat), directions.transform(other))}


def network_features(run: Pretrained, encoder: Any, bank: Sequence[Any], test: Sequence[Any], title: str) -> Candidates:
    """Layers of a network, the last one first."""
    features = run.embed(encoder, [*bank, *test], title)
    return _both_ways({name: (found[: len(bank)], found[len(bank) :]) for name, found in reversed(features.items())})


def _tfidf(bank: Sequence[str], test: Sequence[str], seed: int) -> Candidates:
    del seed
    candidates: Any = {"words": tfidf(bank, test)}
    if len(bank) >= PAIRS_FROM:
        candidates["words and pairs"] = tfidf(bank, test, pairs=True)
    return candidates


def _tfidf_svd(bank: Sequence[str], test: Sequence[str], seed: int) -> Candidates:
    words = _named("words", tfidf_svd(bank, test, seed, dimensions=DIMENSIONS))
    pairs: Candidates = {}
    if len(bank) >= PAIRS_FROM:
        pairs = _named("words and pairs", tfidf_svd(bank, test, seed, pairs=True, dimensions=DIMENSIONS_OF_PAIRS))
    # All as they are; to be whitened the one that has the most to choose directions from.
    most, first = list(words)[-1], next((name for name in words if UNLABELLED_FIRST in name), list(words)[-1])
    candidates = {first: words[first], most: words[most]}
    return candidates | {f"{name}, {AS_THEY_ARE}": pair for name, pair in (words | pairs).items()}


def _both_ways(candidates: Candidates) -> Candidates:
    """Each rotated to principal components, whitened or not, and each as it is."""
    return candidates | {f"{name}, {AS_THEY_ARE}": pair for name, pair in candidates.items()}


def _named(terms: str, candidates: Candidates) -> Candidates:
    return {f"{terms}, {name}": pair for name, pair in candidates.items()}
