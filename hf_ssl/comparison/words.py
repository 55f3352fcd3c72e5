"""The words of the field in a sentence each, with an example."""

WORDS = {
    "Supervised": "a person has said what each row is, and the network learns to say it: a thousand news items, each marked "
    "World, Sports or Business.",
    "Self-supervised": "a part of the row is hidden, and the network learns to say what it was; nobody marks anything. Hidden "
    'words: "The quick brown fox jumps over the lazy [MASK]." The next word: "The quick brown fox jumps over the ..." Two '
    "parts of one text, or two views of one picture, that must find each other.",
    "Unsupervised": "nothing is to be said at all; rows are put into groups, on a map, or called usual and unusual, by how alike "
    "they are: the six sentences below fall into two groups.",
    "Semi-supervised": "a few rows are marked and many are not; both are used: pretrain on all of them, then learn the labels of "
    "a hundred.",
    "Weakly supervised": "the marks come cheap and are often wrong or coarse: a photograph's hashtag, the folder that a file lay "
    "in.",
}


def groups(clusters: list[int]) -> str:
    """Clusters as sets of row numbers, from 1: "{1, 2} {3}"."""
    numbers = {
        cluster: [n + 1 for n, found in enumerate(clusters) if found == cluster] for cluster in dict.fromkeys(clusters)
    }
    return " ".join("{" + ", ".join(map(str, rows)) + "}" for rows in numbers.values())
