"""The convolutional encoder: fixed filters, any size, loaded by Auto classes once its file was run."""

from __future__ import annotations

import pytest
import torch
from conftest import image_batch
from transformers import AutoModel, AutoModelForImageClassification

from hf_ssl.modalities.images.convolution import ConvolutionConfig, ConvolutionForImageClassification, ConvolutionModel
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.optimizers import build_optimizers

SMALL = ConvolutionConfig(hidden_sizes=(8, 8, 16, 16, 24, 24))


@pytest.mark.parametrize("size", [16, 24, 32, 40])
def test_grids_are_an_eighth_of_the_size(size):
    output = ConvolutionModel(SMALL)(torch.rand(2, 3, size, size), output_hidden_states=True)
    assert output.last_hidden_state.shape == (2, 24, size // 8, size // 8)
    assert torch.allclose(output.pooler_output, output.last_hidden_state.mean((2, 3)))
    assert len(output.hidden_states) == 6


def test_the_first_layer_is_the_whitening_of_patches_and_stays(tmp_path):
    task, prepared, batch = image_batch("rotation", rows=16, image_size=16)
    model = task.model(prepared, 0).train()
    before = model.base_model.stem.weight.clone()
    assert torch.equal(before, prepared.statistics["stem"])
    assert torch.equal(before[:32], -before[32:])
    images = prepared.modality.normalise(batch["image"] / 255, prepared)
    responses = torch.nn.functional.conv2d(images, before[:8], stride=2, padding=1)[:, :, 1:-1, 1:-1]
    assert (responses.std((0, 2, 3)) > 0.5).all()
    assert (responses.std((0, 2, 3)) < 2).all()
    optimizers = build_optimizers(
        model, TrainingArguments(learning_rate=0.1, embedding_learning_rate=0.1), torch.float32
    )
    part = task.corrupt(batch, torch.arange(16), prepared)
    task.loss(model, part)["loss"].backward()
    for optimizer in optimizers:
        optimizer.step()
    assert torch.equal(model.base_model.stem.weight, before)
    model.save_pretrained(tmp_path)
    untrained = task.model(prepared.like(tmp_path), 1)
    assert torch.equal(untrained.base_model.stem.weight, before)
    assert not untrained.base_model.stem.weight.requires_grad
    assert not torch.equal(untrained.base_model.layers[0].weight, model.base_model.layers[0].weight)


def test_auto_classes_load_it_without_a_missing_key(tmp_path):
    model = ConvolutionForImageClassification(ConvolutionConfig(hidden_sizes=SMALL.hidden_sizes, num_labels=4)).eval()
    model.save_pretrained(tmp_path)
    loaded, information = AutoModelForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    pixels = torch.rand(2, 3, 16, 16)
    assert torch.equal(loaded.eval()(pixels).logits, model(pixels).logits)
    assert loaded(pixels, labels=torch.tensor([0, 3])).loss > 0
    encoder, information = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert torch.equal(encoder.eval()(pixels).pooler_output, model.base_model(pixels).pooler_output)
