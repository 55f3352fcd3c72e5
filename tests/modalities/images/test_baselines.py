"""What images are worth without any network: pixels, their whitened components, patch k-means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import image_block, inputs_of

from hf_ssl.modalities.baseline import AS_THEY_ARE
from hf_ssl.modalities.images.baselines import (
    MOST_DIRECTIONS,
    PATCH,
    PatchKmeans,
    Pixels,
    WhitenedPixels,
    _encode,
    _patches,
)
from hf_ssl.modalities.images.modality import Images


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


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    return inputs_of(Images(image_size=16, image_column="image"), image_block(100))


@pytest.fixture(scope="module")
def fitted(photographs):
    found = Images(image_size=16).baselines(0)
    for baseline in found:
        baseline.fit(photographs[:60])
    return found


def test_baselines_are_named_and_fit_their_rows(fitted, photographs):
    assert [baseline.name for baseline in fitted] == ["pixels", "pca_whitened", "patch_kmeans"]
    for baseline in fitted:
        bank, test = baseline.encode(photographs[:60]), baseline.encode(photographs[60:])
        assert bank.keys() == test.keys()
        for variant, features in bank.items():
            assert len(features) == 60
            assert test[variant].shape == (40, features.shape[1])
            assert np.isfinite(features).all()
    assert list(bank) == ["400 codes"]
    again = PatchKmeans(0)
    again.fit(photographs[:60])
    assert np.array_equal(bank["400 codes"], again.encode(photographs[:60])["400 codes"])


def test_what_was_learned_is_all_in_arrays(fitted, photographs):
    """The demo keeps them, and makes the baseline again of them."""
    for baseline in fitted:
        again = type(baseline)()
        again.arrays, again.settings = baseline.arrays, baseline.settings
        for variant, features in baseline.encode(photographs[60:]).items():
            assert np.array_equal(features, again.encode(photographs[60:])[variant])


def test_pixels_keep_their_cosines_along_fewer_directions():
    generator = np.random.default_rng(0)
    images = list(generator.integers(0, 256, (600, 16, 16, 3), dtype=np.uint8) // 40 + 60)
    baseline = Pixels()
    baseline.fit(images)
    (reduced,) = baseline.encode(images).values()
    assert reduced.shape == (600, MOST_DIRECTIONS)
    flat = np.stack(images).reshape(600, -1).astype(np.float64)
    cosines = [table @ table.T / np.linalg.norm(table, axis=1)[:, None] / np.linalg.norm(table, axis=1)
               for table in (flat, reduced.astype(np.float64))]  # fmt: skip
    assert np.abs(cosines[0] - cosines[1]).max() < 0.01
    baseline = Pixels()
    baseline.fit(images[:50])  # too few to learn directions from
    assert np.array_equal(baseline.encode(images[:3])[AS_THEY_ARE], np.float32(flat[:3] / 255))


def test_images_that_are_all_alike_have_features_all_the_same():
    alike = [np.full((16, 16, 3), 77, np.uint8)] * 20
    for baseline in (Pixels(), WhitenedPixels()):
        baseline.fit(alike)
        assert all(np.isfinite(features).all() for features in baseline.encode(alike).values())
