"""What needs no pretraining: TF-IDF, and TF-IDF reduced by a singular value decomposition (latent semantic analysis)."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

DIMENSIONS = (32, 64, 128, 256)
MOST_PAIRS = 60_000  # terms, where pairs of words count too
Sparse = tuple[csr_matrix, csr_matrix]


def tfidf(bank: Sequence[str], test: Sequence[str], pairs: bool = False) -> Sparse:
    """Words weighted by how rare they are, rows of length 1 (Spärck Jones 1972).

    Args:
        bank: texts that vocabulary and weights are learned from.
        test: texts that are only transformed.
        pairs: count pairs of neighbouring words too.

    Returns:
        Bank and test, float of shape (rows, terms).
    """
    vectorizer = fit_tfidf(bank, pairs)
    return vectorizer.transform(bank), vectorizer.transform(test)


def fit_tfidf(bank: Sequence[str], pairs: bool = False) -> TfidfVectorizer:
    """Vocabulary and weights; see `tfidf`."""
    terms = {"ngram_range": (1, 2), "max_features": MOST_PAIRS} if pairs else {}
    try:
        return TfidfVectorizer(sublinear_tf=True, min_df=2 if len(bank) > 100 else 1, **terms).fit(bank)
    except ValueError:  # no word comes twice: sequences of letters, or a language without spaces
        return TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(1, 4), max_features=50_000).fit(bank)


def tfidf_svd(
    bank: Sequence[str], test: Sequence[str], seed: int, pairs: bool = False, dimensions: Sequence[int] = DIMENSIONS
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """TF-IDF + SVD features of the same rows, in several dimensions to choose from (Deerwester et al. 1990).

    Args:
        bank: texts that vocabulary, weights and directions are learned from.
        test: texts that are only transformed.
        seed: of the randomised decomposition.
        pairs: count pairs of neighbouring words too.
        dimensions: to choose from.

    Returns:
        Name of the dimension -> (bank, test), float of shape (rows, dimension).
    """
    counted, transformed = tfidf(bank, test, pairs)
    most = max(1, min(max(dimensions), min(counted.shape) - 1))
    with np.errstate(divide="ignore", invalid="ignore"):  # shares of no variance, where all rows are alike
        svd = TruncatedSVD(most, random_state=seed).fit(counted)
    features = svd.transform(counted), svd.transform(transformed)
    # Directions come in order of their singular values, so fewer dimensions are the first columns.
    sizes = sorted({min(size, most) for size in dimensions})
    return {f"{size} dimensions": (features[0][:, :size], features[1][:, :size]) for size in sizes}
