"""Features during training: whether they collapse, and how they are doing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import image_batch, image_block, inputs_of

from hf_ssl.evaluation.measured_rows import Labelled, MeasuredRows
from hf_ssl.evaluation.online import OnlineProbe, collapse_figures


def test_collapse_figures_know_a_point_a_line_and_a_ball():
    generator = np.random.default_rng(0)
    ball = generator.normal(size=(500, 16))
    line = np.outer(generator.normal(size=500), np.ones(16))
    point = np.ones((500, 16)) + 1e-6 * ball
    assert collapse_figures(ball)["effective_rank"] == pytest.approx(16, abs=0.5)
    assert collapse_figures(ball)["feature_std"] == pytest.approx(1, abs=0.05)
    assert collapse_figures(line)["effective_rank"] == pytest.approx(1, abs=0.01)
    assert collapse_figures(point)["feature_std"] < 1e-4


def test_a_collapse_is_told_once(capsys):
    task, prepared, _ = image_batch("contrastive", image_size=16)
    probe = OnlineProbe(task, prepared, inputs_of(prepared.modality, image_block(40)), None)
    model = task.model(prepared, 0)
    assert "knn_accuracy" not in probe.figures(model, torch.no_grad)
    assert "collapse" not in capsys.readouterr().err
    with torch.no_grad():
        for norm in model.base_model.norms:
            norm.weight.zero_()
            norm.bias.fill_(1.0)
    for _ in range(2):
        probe.figures(model, torch.no_grad)
    assert capsys.readouterr().err.count("features collapse") == 1


def test_neighbours_are_sought_among_labelled_rows_only():
    task, prepared, _ = image_batch("rotation", image_size=16)
    dark, bright = (np.full((16, 16, 3), level, np.uint8) for level in (20, 200))
    labels = np.array([0, 1] * 20)
    bank = Labelled([(dark, bright)[label] for label in labels], labels.copy())
    test = Labelled([(dark, bright)[label] for label in labels[:20]], labels[:20].copy())
    model = task.model(prepared, 0)

    def accuracy(bank_labels, test_labels, names=("dark", "bright")):
        rows = MeasuredRows(
            prepared.modality, "label", Labelled(bank.inputs, bank_labels), Labelled(test.inputs, test_labels),
            list(names), [], {},
        )  # fmt: skip
        return OnlineProbe(task, prepared, test.inputs, rows).figures(model, torch.no_grad).get("knn_accuracy")

    assert accuracy(bank.labels, test.labels) == 1
    assert accuracy(bank.labels, 1 - test.labels) == 0
    assert accuracy(bank.labels, np.where(np.arange(20) < 10, -1, test.labels)) == 1
    assert accuracy(np.where(np.arange(40) < 30, -1, bank.labels), test.labels) >= 0.5
    assert accuracy(bank.labels, test.labels, names=()) is None


def test_pictures_are_of_the_first_rows_and_always_the_same():
    task, prepared, _ = image_batch("rotation", image_size=16)
    probe = OnlineProbe(task, prepared, inputs_of(prepared.modality, image_block(40)), None)
    first, again = (probe.pictures(task.model(prepared, 0), 5) for _ in range(2))
    assert list(first) == ["image", "as shown"]
    for title, pictures in first.items():
        assert pictures.shape == (5, 3, 16, 16)
        assert torch.equal(pictures, again[title])
