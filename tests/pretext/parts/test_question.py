"""Questions about images: each row is changed as its own label says, and guessing is what stands beside."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import image_batch

from hf_ssl.common.randomness import subkeys
from hf_ssl.modalities.images.augmentation import as_float, crop_and_flip
from hf_ssl.pretext.base import Part
from hf_ssl.pretext.parts.question import SMALLEST_AREA

TASKS = ["rotation", "vertical_flip"]


@pytest.mark.parametrize("name", TASKS)
def test_each_row_is_changed_as_its_label_says(name):
    task, prepared, batch = image_batch(name, rows=40, image_size=16)
    part = task.corrupt(batch, torch.arange(40), prepared)
    place, _ = subkeys(torch.arange(40), 2)
    crops = crop_and_flip(as_float(batch["image"]), place, 16, SMALLEST_AREA)
    assert len(part["labels"].unique()) == len(task.answers)
    for row, label in enumerate(part["labels"].tolist()):
        expected = prepared.modality.normalise(task.change(crops[row : row + 1], label), prepared)
        assert torch.allclose(part["pixel_values"][row], expected[0], atol=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_every_answer_changes_the_image_otherwise(name):
    task, _, _ = image_batch(name, image_size=16)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    changed = [task.change(images, answer) for answer in range(len(task.answers))]
    assert torch.equal(changed[0], images)
    assert all(not torch.equal(a, b) for n, a in enumerate(changed) for b in changed[:n])
    assert all(each.shape == images.shape for each in changed)


@pytest.mark.parametrize("name", TASKS)
def test_guessing_and_pictures(name):
    task, prepared, batch = image_batch(name, image_size=16)
    part = task.corrupt(batch, torch.arange(8), prepared)
    model = task.model(prepared, 0)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        result = task.loss(model, part)
    score = {"loss": result["loss"].item(), "accuracy": 0.5}
    count = len(task.answers)
    figures = task.heldout_figures(score, [Part(part, 8)], prepared)
    assert figures == score | {"chance_loss": math.log(count), "chance_accuracy": 1 / count}
    assert result["loss"].item() == pytest.approx(math.log(count), abs=1e-6)
    pictures = task.pictures(model, batch, torch.arange(8), prepared)
    assert torch.equal(pictures["image"], batch["image"] / 255)
    assert torch.allclose(prepared.modality.normalise(pictures["as shown"], prepared), part["pixel_values"], atol=1e-5)
