"""Vertical flip: upright or upside down."""

from __future__ import annotations

import torch
from conftest import image_batch

CASES = [{"image_size": 16}, {"image_size": 16, "architecture": "vit"}]


def test_half_of_the_images_stand_on_their_heads():
    task, prepared, batch = image_batch("vertical_flip", rows=400, image_size=16)
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(task.change(images, 0), images)
    for line in range(8):
        assert torch.equal(task.change(images, 1)[:, :, line], images[:, :, 7 - line])
    labels = task.corrupt(batch, torch.arange(400), prepared)["labels"]
    assert 150 < labels.sum() < 250
    assert list(task.model(prepared, 0).config.id2label.values()) == ["upright", "upside down"]
