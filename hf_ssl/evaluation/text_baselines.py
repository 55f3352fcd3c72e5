"""What needs no pretraining: TF-IDF reduced by a singular value decomposition (latent semantic analysis)."""

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

DIMENSIONS = (32, 64, 128, 256)


def tfidf_svd(bank: Sequence[str], test: Sequence[str], seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """TF-IDF + SVD features of the same rows, in several dimensions to choose from (Deerwester et al. 1990).

    Args:
        bank: texts that vocabulary, weights and directions are learned from.
        test: texts that are only transformed.
        seed: of the randomised decomposition.

    Returns:
        Name of the dimension -> (bank, test), float of shape (rows, dimension).
    """
    try:
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2 if len(bank) > 100 else 1)
        counted = vectorizer.fit_transform(bank)
    except ValueError:  # no word comes twice: sequences of letters, or a language without spaces
        vectorizer = TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(1, 4), max_features=50_000)
        counted = vectorizer.fit_transform(bank)
    transformed = vectorizer.transform(test)
    most = max(1, min(max(DIMENSIONS), min(counted.shape) - 1))
    svd = TruncatedSVD(most, random_state=seed).fit(counted)
    features = svd.transform(counted), svd.transform(transformed)
    # Directions come in order of their singular values, so fewer dimensions are the first columns.
    sizes = sorted({min(size, most) for size in DIMENSIONS})
    return {f"{size} dimensions": (features[0][:, :size], features[1][:, :size]) for size in sizes}
