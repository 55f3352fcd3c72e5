"""Masked images: how many patches, which ones, and the shortcut of the decoder against the stock model."""

from __future__ import annotations

import pytest
import torch
from conftest import image_batch, image_block, learned
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import SwinConfig, ViTMAEForPreTraining

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.base import Part
from hf_ssl.pretext.pairing import pair
from hf_ssl.pretext.parts.embedder import kept


def stock(model):
    """The plain class with the weights of ours."""
    plain = ViTMAEForPreTraining(model.config)
    plain.load_state_dict(model.state_dict())
    return plain


CASES = [
    {"image_size": 16},
    {"image_size": 16, "objective": "simmim"},
    {"image_size": 16, "decoder": "light"},
]


def test_classes_are_stock():
    names = []
    for case in CASES:
        task, prepared, _ = image_batch("masked_image", **case)
        names.append(type(kept(task.model(prepared, 0))).__name__)
    assert names == ["ViTMAEForPreTraining", "ViTForMaskedImageModeling", "ViTMAEModel"]


@settings(max_examples=20, deadline=None)
@given(ratio=st.floats(0.07, 0.93), objective=st.sampled_from(["mae", "simmim"]))
def test_the_stock_model_hides_what_we_say(ratio, objective):
    task, prepared, batch = image_batch("masked_image", rows=4, image_size=16, mask_ratio=ratio, objective=objective)
    part = task.corrupt(batch, torch.arange(4), prepared)
    assert (task._hidden(part["ranks"]).sum(1) == 16 - int(16 * (1 - ratio))).all()
    if objective == "mae":
        model = stock(task.model(prepared, 0))
        mask = model(part["pixel_values"], noise=part["ranks"].float()).mask
        assert torch.equal(mask.bool(), task._hidden(part["ranks"]))


def test_loss_and_gradients_equal_the_stock_model():
    task, prepared, batch = image_batch("masked_image", rows=6, image_size=16)
    part = task.corrupt(batch, torch.arange(6), prepared)
    model = task.model(prepared, 0).train()
    plain = stock(model).train()
    theirs = plain(part["pixel_values"], noise=part["ranks"].float()).loss
    theirs.backward()
    expected = {name: parameter.grad for name, parameter in plain.named_parameters()}
    ours = task.loss(model, part)["loss"]
    ours.backward()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)
    for name, parameter in model.named_parameters():
        if expected[name] is None:
            assert not parameter.requires_grad, name
        else:
            assert torch.allclose(parameter.grad, expected[name], rtol=1e-4, atol=1e-6), name
    logits = model(part["pixel_values"], noise=part["ranks"].float()).logits
    assert (logits != 0).all()  # the whole decoder runs again


def test_predicting_the_mean_colour_scores_the_figure_beside():
    for objective in ("mae", "simmim"):
        task, prepared, batch = image_batch("masked_image", image_size=16, objective=objective)
        part = task.corrupt(batch, torch.arange(8), prepared)
        model = task.model(prepared, 0).eval()
        last = model.decoder.decoder_pred if objective == "mae" else model.decoder[0]
        with torch.no_grad():
            last.weight.zero_()
            last.bias.zero_()
            loss = task.loss(model, part)["loss"].item()
        figures = task.heldout_figures({"loss": loss}, [Part(part, 8)], prepared)
        assert figures == {"loss": loss, "mean_colour_loss": pytest.approx(loss, rel=1e-4)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pictures_show_the_image_where_it_was_visible(case):
    task, prepared, batch = image_batch("masked_image", rows=4, **case)
    pictures = task.pictures(task.model(prepared, 0), batch, torch.arange(4), prepared)
    if task.decoder == "light":
        assert list(pictures) == ["image", "left of it"]
        return
    assert list(pictures) == ["image", "left of it", "predicted"]
    same = (pictures["image"] == pictures["predicted"]).float().mean().item()
    assert same == pytest.approx(1 - (12 if task.objective == "mae" else 10) / 16, abs=0.02)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"mask_ratio": 0.0}, "--mask_ratio must lie between 0 and 1"),
        ({"mask_ratio": 1.0}, "--mask_ratio must lie between 0 and 1"),
        ({"mask_ratio": 0.999}, "hides 64 of 64"),
        ({"image_size": 30}, "no multiple of --patch_size 4"),
        ({"objective": "simmim", "decoder": "light"}, "belongs to --objective mae"),
        ({"architecture": "convolution"}, "masked_image needs --architecture vit, not convolution"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match):
        pair("masked_image", "images", **flags)


def test_simmim_of_a_hierarchical_model(tmp_path):
    SwinConfig(embed_dim=24, depths=[1, 1], num_heads=[2, 2], window_size=4).save_pretrained(tmp_path)
    flags = {"objective": "simmim", "config_name": str(tmp_path)}
    task, prepared, batch = image_batch("masked_image", rows=4, image_size=32, **flags)
    model = task.model(prepared, 0)
    part = task.corrupt(batch, torch.arange(4), prepared)
    assert task.loss(model, part)["loss"].isfinite()
    assert type(model).__name__ == "SwinForMaskedImageModeling"
    other = learned(pair("masked_image", "images", image_size=20, **flags), image_block(200))
    with pytest.raises(UserError, match="--image_size 20 is no multiple of 8"):
        task.model(other, 0)
