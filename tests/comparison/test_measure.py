"""Measuring features: structure is found, its absence too, and what is no number is refused."""

import numpy as np
import pytest

from hf_ssl.comparison.measure import Effort, measure
from hf_ssl.errors import UserError
from hf_ssl.evaluation.labelled import Labelled
from hf_ssl.evaluation.rows import ComparedRows

EFFORT = Effort(starts=2, draws=3, most_labels=20, all_methods=True)


def made(distance, unlabelled=0, classes=3):
    generator = np.random.default_rng(0)
    labels = generator.integers(classes, size=700)
    features = np.eye(8)[labels] * distance + generator.normal(size=(700, 8)) + 1
    known = np.where(np.arange(700) < unlabelled, -1, labels)
    names = [str(label) for label in range(classes)]
    bank, test = Labelled(["text"] * 400, known[:400]), Labelled(["text"] * 300, labels[400:])
    rows = ComparedRows("text", "text", "label", bank, test, names, [], {})
    return {"only": (features[:400].astype(np.float32), features[400:].astype(np.float32))}, rows


def test_structure_is_found_and_noise_is_not():
    features, rows = made(6.0)
    figures, arrays = measure(features, rows, None, EFFORT, seed=0)
    for name in ("knn_accuracy", "linear_accuracy", "linear_100_accuracy", "kmeans_nmi", "gaussian_mixture_nmi"):
        assert figures[name]["mean"] > 0.9, name
    assert figures["kmeans_clusters"] == 3
    assert arrays["kmeans"].shape == (2, 300)
    assert arrays["linear_100_right"].shape == (3, 300)
    assert list(figures["curve"]) == list(figures["knn_curve"]) == ["1", "2", "5", "10", "20", "all"]
    noise, rows = made(0.0)
    figures, _ = measure(noise, rows, None, EFFORT, seed=0)
    assert figures["knn_accuracy"]["mean"] < 0.45
    assert figures["kmeans_nmi"]["mean"] < 0.05


def test_rows_without_a_label_take_part_but_do_not_teach():
    features, rows = made(6.0, unlabelled=300)
    figures, _ = measure(features, rows, None, EFFORT, seed=0)
    assert len(rows.known) == 100
    assert figures["linear_accuracy"]["mean"] > 0.9
    assert "50" not in figures["curve"]


def test_the_same_seed_measures_the_same():
    features, rows = made(2.0)
    first, again, other = (measure(features, rows, None, EFFORT, seed)[0] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_without_labels_the_number_of_clusters_is_found():
    features, rows = made(6.0)
    bank, test = (Labelled(part.inputs, np.full(len(part.inputs), -1)) for part in (rows.bank, rows.test))
    nameless = ComparedRows("text", "text", None, bank, test, [], [], {})
    figures, _ = measure(features, nameless, None, EFFORT, seed=0)
    assert figures["kmeans_clusters"] == 3
    assert "knn_accuracy" not in figures


def test_what_is_no_number_is_refused():
    features, rows = made(2.0)
    features["only"][0][5, 3] = np.nan
    with pytest.raises(UserError, match="NaN|finite"):
        measure(features, rows, None, EFFORT, seed=0)
