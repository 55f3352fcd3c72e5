"""Autoencoder: reconstructions, the divergence, the noise, going on from a checkpoint, loading without us."""

from __future__ import annotations

import pytest
import torch
from conftest import image_batch, image_block, learned
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference
from transformers import AutoModel, ViTConfig

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.images.convolutional_autoencoder import AutoencoderConfig
from hf_ssl.pretext.autoencoder import kl_divergence
from hf_ssl.pretext.base import Part
from hf_ssl.pretext.pairing import pair
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.optimizers import build_optimizers

CASES = [
    {"image_size": 16},
    {"image_size": 16, "variational": True},
]
SIZES = (8, 12, 16)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pictures_are_made_again(case):
    task, prepared, batch = image_batch("autoencoder", rows=32, latent_size=16, **case)
    model = task.model(prepared, 0).train()
    rates = {"learning_rate": task.learning_rates["muon"], "embedding_learning_rate": 2e-3}
    optimizers = build_optimizers(model, TrainingArguments(**rates), torch.float32)
    for step in range(50):
        task.loss(model, task.corrupt(batch, torch.arange(32) + 32 * step, prepared))["loss"].backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    part = task.corrupt(batch, torch.arange(32), prepared)
    with torch.no_grad():
        loss = task.loss(model.eval(), part)["loss"].item()
    assert loss < 0.4 * task.heldout_figures({}, [Part(part, 32)], prepared)["mean_colour_loss"]


@settings(max_examples=50, deadline=None)
@given(
    moments=st.lists(st.tuples(st.floats(-10, 10), st.floats(-8, 8)), min_size=1, max_size=6),
)
def test_the_divergence_is_that_of_gaussians(moments):
    mean, log_variance = torch.tensor([moments], dtype=torch.float64).unbind(2)
    expected = reference(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(kl_divergence(mean, log_variance), expected)


def test_the_loss_is_the_sum_of_its_parts():
    task, prepared, batch = image_batch("autoencoder", image_size=16, variational=True, divergence_weight=3.0)
    part = task.corrupt(batch, torch.arange(8), prepared)
    model = task.model(prepared, 0)
    said, found = model(**part), task.loss(model, part)
    latent = said.pooler_output + part["noise"] * (said.log_variance / 2).exp()
    assert torch.allclose(said.reconstruction, model.decode(latent), atol=1e-6)
    assert torch.equal(found["divergence"], kl_divergence(said.pooler_output, said.log_variance).mean())
    assert torch.allclose(found["reconstruction_loss"], (said.reconstruction - part["pixel_values"]).square().mean())
    assert torch.allclose(found["loss"], found["reconstruction_loss"] + 3 * found["divergence"] / (3 * 16 * 16))


def test_predicting_the_mean_colour_scores_the_figure_beside():
    task, prepared, batch = image_batch("autoencoder", image_size=16)
    part = task.corrupt(batch, torch.arange(8), prepared)
    model = task.model(prepared, 0)
    with torch.no_grad():
        model.pixels.weight.zero_()
        model.pixels.bias.zero_()
        loss = task.loss(model, part)["loss"].item()
    assert task.heldout_figures({}, [Part(part, 8)], prepared)["mean_colour_loss"] == pytest.approx(loss, rel=1e-5)


def test_auto_classes_load_it_and_another_run_goes_on_from_it(tmp_path):
    task, prepared, batch = image_batch("autoencoder", image_size=16, variational=True)
    model = task.model(prepared, 3).eval()
    model.save_pretrained(tmp_path)
    pixels = task.corrupt(batch, torch.arange(8), prepared)["pixel_values"]
    loaded, information = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert not information["unexpected_keys"]
    assert torch.allclose(loaded(pixels).reconstruction, model(pixels).reconstruction, atol=1e-6)
    begun = {"image_size": 16, "variational": True, "model_name_or_path": str(tmp_path)}
    again = task.model(learned(pair("autoencoder", "images", **begun), image_block(8)), 0)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in again.state_dict().items())
    for flags, match in (
        ({"image_size": 24}, "made for images of 16 pixels; .* --image_size 16"),
        ({"variational": False}, "made with --variational True"),
        ({"latent_size": 7}, "made with --latent_size 64"),
    ):
        pairing = pair("autoencoder", "images", **begun | flags)
        with pytest.raises(UserError, match=match):
            pairing.task.model(learned(pairing, image_block(8)), 0)


def test_a_configuration_gives_the_widths_and_another_one_is_refused(tmp_path):
    AutoencoderConfig(32, SIZES).save_pretrained(tmp_path / "narrow")
    task, prepared, _ = image_batch("autoencoder", image_size=24, config_name=str(tmp_path / "narrow"))
    model = task.model(prepared, 0)
    assert model.config.hidden_sizes == list(SIZES)
    assert model.config.image_size == 24
    ViTConfig().save_pretrained(tmp_path / "vit")
    task, prepared, _ = image_batch("autoencoder", image_size=16, config_name=str(tmp_path / "vit"))
    with pytest.raises(UserError, match="is not hf_ssl_autoencoder but vit"):
        task.model(prepared, 0)


def test_features_are_the_latent_and_the_middle():
    task, prepared, batch = image_batch("autoencoder", image_size=16, variational=True)
    model = task.model(prepared, 0)
    images = list(batch["image"].permute(0, 2, 3, 1).numpy())
    features = prepared.modality.embed(model, prepared, images, torch.no_grad)
    assert list(features)[-1] == "latent"
    with torch.no_grad():
        latent = model(prepared.modality.normalise(batch["image"] / 255, prepared)).pooler_output
    assert torch.allclose(torch.from_numpy(features["latent"]), latent, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pictures_show_what_comes_back_and_what_is_drawn(case):
    task, prepared, batch = image_batch("autoencoder", rows=4, **case)
    pictures = task.pictures(task.model(prepared, 0), batch, torch.arange(4), prepared)
    assert list(pictures) == ["image", "predicted", "drawn"][: 3 if task.variational else 2]
    assert all(picture.shape == (4, 3, 16, 16) for picture in pictures.values())
    assert torch.allclose(pictures["image"], batch["image"] / 255, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"latent_size": 0}, "--latent_size must be at least 1"),
        ({"divergence_weight": -0.1}, "--divergence_weight must be a number of at least 0"),
        ({"divergence_weight": float("nan")}, "--divergence_weight must be a number of at least 0"),
        ({"image_size": 30}, "no multiple of --patch_size 4"),
        ({"architecture": "vit"}, "autoencoder needs --architecture convolution, not vit"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match):
        pair("autoencoder", "images", **flags)
