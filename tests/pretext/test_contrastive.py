"""Contrastive views: the loss against a slow definition, views that differ, sizes that grow."""

import pytest
import torch
from conftest import image_batch
from torch.nn.functional import normalize

from hf_ssl.errors import UserError
from hf_ssl.pretext.contrastive import Contrastive

CASES = [{"image_size": 16}, {"image_size": 16, "architecture": "vit"}]


def test_the_loss_is_that_of_the_paper():
    task, prepared, batch = image_batch(Contrastive(image_size=16, temperature=0.3), rows=5)
    views = task.corrupt(batch, torch.arange(5), prepared)
    model = task.model(prepared, 0).eval()
    with torch.no_grad():
        z = normalize(model(torch.cat([views["first"], views["second"]])), dim=1)
    total = 0.0
    for i in range(10):
        j = (i + 5) % 10
        others = sum(torch.exp(z[i] @ z[k] / 0.3) for k in range(10) if k != i)
        total -= torch.log(torch.exp(z[i] @ z[j] / 0.3) / others).item()
    assert task.loss(model, views)["loss"].item() == pytest.approx(total / 10, abs=1e-5)


def test_the_two_views_of_an_image_differ_and_keep_their_normalisation():
    task, prepared, batch = image_batch(Contrastive(image_size=16), rows=64)
    views = task.corrupt(batch, torch.arange(64), prepared)
    assert not torch.equal(views["first"], views["second"])
    assert abs(views["first"].mean()) < 0.5
    assert 0.5 < views["first"].std() < 1.5


def test_views_grow_with_the_training_and_a_vit_takes_one_size():
    assert [Contrastive(image_size=32).view_size(done) for done in (0, 0.57, 0.58, 0.89, 0.9, 1.0)] == [
        16, 16, 24, 24, 32, 32,
    ]  # fmt: skip
    assert Contrastive(image_size=32, progressive_crops=False).view_size(0) == 32
    assert Contrastive(image_size=32, architecture="vit").view_size(0) == 32


@pytest.mark.parametrize("flags", [{"temperature": 0.0}, {"smallest_crop": 1.5}, {"hue_jitter": -1.0}])
def test_nonsense_is_refused(flags):
    with pytest.raises(UserError, match=next(iter(flags))):
        Contrastive(**flags)
