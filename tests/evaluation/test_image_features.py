"""Baselines and online figures of images."""

import numpy as np
import pytest
import torch
from conftest import image_batch, image_block

from hf_ssl.evaluation.image_baselines import PATCH, _encode, _patches, image_baselines
from hf_ssl.evaluation.online import OnlineProbe, collapse_figures
from hf_ssl.pretext.contrastive import Contrastive


def test_patch_activity_is_what_coates_and_ng_define():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 3, 12, 12), generator=generator).float()
    width = 3 * PATCH * PATCH
    mean, zca = torch.randn(width, generator=generator) * 0.1, torch.eye(width)
    codes = torch.randn(7, width, generator=generator)
    patches = _patches(images) - mean
    side = 12 - PATCH + 1
    expected = torch.zeros(2, 4, 7)
    for image in range(2):
        for place in range(side * side):
            distances = (patches[image, place] - codes).norm(dim=1)
            quarter = 2 * (place // side * 2 // side) + place % side * 2 // side
            expected[image, quarter] += (distances.mean() - distances).clamp(min=0)
    assert torch.allclose(_encode(images, mean, zca, codes), expected.flatten(1), atol=1e-3)


def test_baselines_are_named_and_fit_their_rows():
    block = image_block(150)
    task, _, _ = image_batch(Contrastive(image_size=16))
    images = [image for _, image in task.reader().read(block)[0]]
    found = image_baselines(images[:100], images[100:], 0)
    assert list(found) == ["pixels", "pca_whitened", "patch_kmeans"]
    for variants in found.values():
        for bank, test in variants.values():
            assert bank.shape[0] == 100
            assert test.shape == (50, bank.shape[1])
            assert np.isfinite(bank).all()
    again = image_baselines(images[:100], images[100:], 0)
    assert np.array_equal(found["patch_kmeans"]["400 codes"][0], again["patch_kmeans"]["400 codes"][0])


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
    task, prepared, _ = image_batch(Contrastive(image_size=16))
    images = [image for _, image in task.reader().read(image_block(40))[0]]
    probe = OnlineProbe(task, prepared, images, None, None)
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
