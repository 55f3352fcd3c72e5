"""Views as a batch: within the image, of the right size, the same for a key, as their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import image_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.images.augmentation import (
    Jitter,
    _resampling,
    as_float,
    crop_and_flip,
    jitter_and_normalise,
    view_size,
)
from hf_ssl.modalities.images.flags import ImageViews

ALL = Jitter(0.4, 0.1, 0.2, 0.3)
PLAIN = {"colour_jitter": 0.0, "hue_jitter": 0.0, "grey_share": 0.0}
NOTHING = {"mean": torch.zeros(3, 1, 1), "spread": torch.ones(3, 1, 1)}


def noise(rows: int, size: int = 32) -> torch.Tensor:
    return torch.rand(rows, 3, size, size, generator=torch.Generator().manual_seed(0))


@settings(max_examples=30, deadline=None)
@given(size=st.integers(4, 40), area=st.floats(0.05, 1), flip=st.sampled_from([0.0, 0.5, 1.0]))
def test_crops_stay_within_the_image(size, area, flip):
    images = noise(16) * 0.5 + 0.25
    crops = crop_and_flip(images, torch.arange(16), size, area, flip)
    assert crops.shape == (16, 3, size, size)
    assert crops.min() >= 0.25
    assert crops.max() <= 0.75


def test_mirror_images_are_read_backwards():
    same = _resampling(torch.zeros(1), torch.ones(1), 16, 16)[0]
    assert torch.equal(same, torch.eye(16))
    assert torch.equal(_resampling(torch.ones(1), -torch.ones(1), 16, 16)[0], torch.eye(16).flip(1))
    ramp = torch.arange(32.0).expand(1, 3, 32, 32) / 32
    straight, mirrored = (crop_and_flip(ramp, torch.arange(1), 32, 0.999, flip)[0, 0, 16] for flip in (0.0, 1.0))
    assert (straight.diff() >= 0).all()
    assert (mirrored.diff() <= 0).all()
    assert straight[-1] > mirrored[-1]


def test_scaling_is_that_of_pillow():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    begin, length = torch.tensor([0.25]), torch.tensor([0.5])
    for size in (8, 16, 24):
        matrix = _resampling(begin, length, 32, size)[0].numpy()
        assert np.allclose(matrix.sum(1), 1, atol=1e-6)
        ours = matrix @ pixels @ matrix.T
        theirs = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, (8, 8, 24, 24))
        inner = (slice(2, -2),) * 2  # at its edge Pillow does not look beyond the box
        assert np.abs(ours - np.asarray(theirs))[inner].max() < 3


def test_the_same_for_a_key_in_whatever_batch():
    images, keys = noise(8), torch.arange(8) * 7919
    whole = jitter_and_normalise(crop_and_flip(images, keys, 16, 0.2), keys + 1, ALL, **NOTHING)
    part = jitter_and_normalise(crop_and_flip(images[3:], keys[3:], 16, 0.2), keys[3:] + 1, ALL, **NOTHING)
    assert torch.allclose(whole[3:], part, atol=1e-6)


def test_colours_change_as_asked():
    images, keys = noise(64), torch.arange(64)
    same = jitter_and_normalise(images, keys, Jitter(0.0), **NOTHING)
    assert torch.allclose(same, images, atol=1e-3)
    negatives = jitter_and_normalise(images, keys, Jitter(0.0, invert=1.0), **NOTHING)
    assert torch.allclose(negatives, 1 - images, atol=1e-3)
    grey = jitter_and_normalise(images, keys, Jitter(0.0, grey=1.0), **NOTHING)
    assert torch.allclose(grey[:, 0], grey[:, 1], atol=1e-3)
    turned = jitter_and_normalise(images * 0.2 + 0.4, keys, Jitter(0.0, hue=0.5), **NOTHING)
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    assert torch.allclose((turned * luma).sum(1), ((images * 0.2 + 0.4) * luma).sum(1), atol=1e-3)
    assert (turned - images * 0.2 - 0.4).abs().mean() > 0.02
    strong = jitter_and_normalise(images, keys, Jitter(0.9, 0.1, 0.2), **NOTHING)
    assert strong.min() >= 0
    assert strong.max() <= 1


def test_normalising_is_part_of_it():
    images, keys = noise(8), torch.arange(8)
    mean, spread = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    plain = jitter_and_normalise(images, keys, Jitter(0.8, 0.1, 0.2), **NOTHING)
    assert torch.allclose(
        jitter_and_normalise(images, keys, Jitter(0.8, 0.1, 0.2), mean, spread), (plain - mean) / spread, atol=1e-5
    )


def test_pixels_become_shares():
    assert as_float(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == pytest.approx([0.0, 1.0])


def views_of(rows=64, progress=1.0, **settings):
    _, prepared, batch = image_batch("contrastive", rows=rows, **{"image_size": 16} | settings)
    return prepared, prepared.modality.two_views(batch, torch.arange(rows), prepared, progress)["pixel_values"]


def test_the_two_views_of_an_image_differ_and_keep_their_normalisation():
    _, views = views_of()
    first, second = views.chunk(2)
    assert first.shape == second.shape == (64, 3, 16, 16)
    assert not torch.equal(first, second)
    for view in (first, second):
        assert abs(view.mean()) < 0.5
        assert 0.5 < view.std() < 1.5


def test_first_views_of_all_images_come_before_the_second_ones():
    _, prepared, _ = image_batch("contrastive", image_size=16, **PLAIN)
    levels = torch.arange(8, dtype=torch.uint8) * 30
    batch = {"image": levels[:, None, None, None].expand(8, 3, 16, 16)}
    views = prepared.modality.two_views(batch, torch.arange(8), prepared, 1.0)
    shown = prepared.modality.pictures_of(views, prepared)
    assert shown.shape == (16, 3, 16, 16)
    assert torch.allclose(shown, (levels.repeat(2) / 255)[:, None, None, None].expand_as(shown), atol=1e-5)


def test_views_are_the_same_for_a_key_in_whatever_batch():
    _, prepared, batch = image_batch("contrastive", rows=8, image_size=16)
    keys = torch.arange(8) * 7919
    whole = prepared.modality.two_views(batch, keys, prepared, 1.0)["pixel_values"]
    part = prepared.modality.two_views({"image": batch["image"][3:5]}, keys[3:5], prepared, 1.0)["pixel_values"]
    assert torch.allclose(torch.cat([whole[3:5], whole[11:13]]), part, atol=1e-6)


def test_views_grow_with_the_training_and_a_vit_takes_one_size():
    assert [view_size(32, done) for done in (0, 0.57, 0.58, 0.89, 0.9, 1.0)] == [16, 16, 24, 24, 32, 32]
    assert view_size(16, 0) == 16
    for flags, side in (({}, 16), ({"progressive_crops": False}, 32), ({"architecture": "vit"}, 32)):
        assert views_of(4, 0.0, image_size=32, **flags)[1].shape == (8, 3, side, side)
        assert views_of(4, 1.0, image_size=32, **flags)[1].shape == (8, 3, 32, 32)


def test_flags_are_heeded():
    """Mirror images, negatives and grey, as often as they were asked for."""
    ramp = torch.arange(16, dtype=torch.uint8).expand(64, 3, 16, 16) * 8
    for mirror in (True, False):
        _, prepared, _ = image_batch("contrastive", image_size=16, mirror=mirror, smallest_crop=0.9, **PLAIN)
        views = prepared.modality.two_views({"image": ramp}, torch.arange(64), prepared, 1.0)["pixel_values"]
        backwards = (views[:, 0, 8, 0] > views[:, 0, 8, -1]).float().mean().item()
        assert 0.3 < backwards < 0.7 if mirror else backwards == 0
        _, prepared, _ = image_batch("contrastive", image_size=16, mirror=False, invert_share=1.0, **PLAIN)
        views = prepared.modality.two_views({"image": ramp}, torch.arange(64), prepared, 1.0)["pixel_values"]
        assert (views[:, 0, 8, 0] > views[:, 0, 8, -1]).all()
    prepared, grey = views_of(grey_share=1.0)
    colours = prepared.modality.denormalise(grey, prepared)
    assert torch.allclose(colours[:, 0], colours[:, 1], atol=1e-3)


@pytest.mark.parametrize("name", ["colour_jitter", "hue_jitter", "grey_share", "invert_share"])
def test_shares_lie_between_0_and_1(name):
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(UserError, match=f"--{name} must lie between 0 and 1"):
            ImageViews(**{name: value})
    for value in (0.0, 1.1, float("nan")):
        with pytest.raises(UserError, match="--smallest_crop must be above 0 and at most 1"):
            ImageViews(smallest_crop=value)
