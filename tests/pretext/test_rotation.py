"""Rotation: four turns, told apart."""

import torch
from conftest import image_batch

from hf_ssl.pretext.rotation import Rotation

CASES = [{"image_size": 16}, {"image_size": 16, "architecture": "vit"}]


def test_labels_are_quarter_turns_and_all_come():
    images = torch.arange(4 * 3 * 8 * 8).view(4, 3, 8, 8).float()
    turned = Rotation().change(images, torch.arange(4))
    for quarters in range(4):
        assert torch.equal(turned[quarters], images[quarters].rot90(quarters, (1, 2)))
    task, prepared, batch = image_batch(Rotation(image_size=16), rows=400)
    labels = task.corrupt(batch, torch.arange(400), prepared)["labels"]
    assert (torch.bincount(labels, minlength=4) > 70).all()


def test_the_model_names_its_four_answers():
    task, prepared, _ = image_batch(Rotation(image_size=16, architecture="vit"))
    model = task.model(prepared, 0)
    assert type(model).__name__ == "ViTForImageClassification"
    assert list(model.config.id2label.values()) == ["0 degrees", "90 degrees", "180 degrees", "270 degrees"]
