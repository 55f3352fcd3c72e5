"""Six built-in sentences in two groups: small enough to see what clustering does."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

SENTENCES = (
    ("The quick brown fox jumps over the lazy", "fox"),
    ("A fast brown fox jumps over the lazy", "fox"),
    ("The quick brown dog runs under the active", "dog"),
    ("An energetic brown dog runs under the quick", "dog"),
    ("The quick brown fox jumps over the lazy", "fox"),
    ("A swift brown fox leaps over the lazy", "fox"),
)
GROUPS = ("fox", "dog")


def make() -> "dict[str, Dataset]":
    """Columns ``text`` and ``label``: what jumps over something, and what runs under something."""
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=list(GROUPS))})
    columns = {
        "text": [text for text, _ in SENTENCES],
        "label": [GROUPS.index(group) for _, group in SENTENCES],
    }
    return {"train": Dataset.from_dict(columns, features)}
