"""Vertical flip: upright or upside down."""

import torch
from conftest import image_batch

from hf_ssl.pretext.vertical_flip import VerticalFlip

CASES = [{"image_size": 16}, {"image_size": 16, "architecture": "vit"}]


def test_half_of_the_images_stand_on_their_heads():
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = VerticalFlip().change(images, torch.tensor([0, 1, 0, 1]))
    assert torch.equal(changed[::2], images[::2])
    assert torch.equal(changed[1::2], images[1::2].flip(2))
    task, prepared, batch = image_batch(VerticalFlip(image_size=16), rows=400)
    labels = task.corrupt(batch, torch.arange(400), prepared)["labels"]
    assert 150 < labels.sum() < 250
    assert task.model(prepared, 0).config.num_labels == 2
