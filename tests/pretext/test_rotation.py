"""Rotation: four turns, told apart."""

import torch
from conftest import image_batch

CASES = [{"image_size": 16}, {"image_size": 16, "architecture": "vit"}]


def test_answers_are_quarter_turns_counterclockwise_and_all_come():
    task, prepared, batch = image_batch("rotation", rows=400, image_size=16)
    square = torch.tensor([[1, 2], [4, 3]]).expand(5, 3, 2, 2)  # clockwise from the corner above on the left
    for quarters, corner in enumerate((1, 2, 3, 4)):
        assert (task.change(square, quarters)[:, :, 0, 0] == corner).all()
    labels = task.corrupt(batch, torch.arange(400), prepared)["labels"]
    assert (torch.bincount(labels, minlength=4) > 70).all()


def test_the_model_names_its_four_answers():
    task, prepared, _ = image_batch("rotation", image_size=16, architecture="vit")
    model = task.model(prepared, 0)
    assert type(model).__name__ == "ViTForImageClassification"
    assert list(model.config.id2label.values()) == ["0 degrees", "90 degrees", "180 degrees", "270 degrees"]
