"""Short definitions of the field's terms, each with an example."""

from __future__ import annotations

WORDS = {
    "Supervised": "people label every example, and the model learns to predict the labels: a thousand news items, each "
    "labelled World, Sports or Business.",
    "Self-supervised": "the labels come from the data itself: part of an example is hidden, and the model learns to predict "
    'it. A hidden word: "The quick brown fox jumps over the lazy [MASK]." The next word: "The quick brown fox jumps over '
    'the ..." Or a match: which two passages of text, or which two views of a picture, come from the same original?',
    "Unsupervised": "there is no target to predict; the method looks for structure in the data: it groups similar examples, "
    "places them on a map, or flags unusual ones. Six sentences about foxes and dogs fall into two groups.",
    "Semi-supervised": "a few examples are labelled and many are not, and both are used: pretrain on all of them, then "
    "learn from a hundred labels.",
    "Weakly supervised": "the labels are cheap but often coarse or wrong: the hashtag of a photograph, the folder that a "
    "file was in.",
}


def groups(clusters: list[int]) -> str:
    """Format clusters as sets of row numbers, counted from 1: "{1, 2} {3}"."""
    numbers = {
        cluster: [n + 1 for n, found in enumerate(clusters) if found == cluster] for cluster in dict.fromkeys(clusters)
    }
    return " ".join("{" + ", ".join(map(str, rows)) + "}" for rows in numbers.values())
