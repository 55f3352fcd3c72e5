"""Contrastive learning: the loss against slow definitions, with the views of every modality; what is compared is thrown away."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import made_batch
from torch.nn.functional import normalize

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.base import Part
from hf_ssl.pretext.pairing import defaults_of, pair
from hf_ssl.pretext.parts.embedder import kept

CASES = [
    {"image_size": 16},
    {"image_size": 16, "architecture": "vit"},
    {"modality": "text", "sequence_length": 64, "vocabulary_size": 400, "embedding_size": 32},
    {"modality": "text", "sequence_length": 64, "vocabulary_size": 400, "text_encoder": "transformer"},
]


def made(case, rows=6, **settings):
    case = {"modality": "images"} | case | settings
    return made_batch("contrastive", case.pop("modality"), rows, **case)


def directions(model, views):
    with torch.no_grad():
        return normalize(model(**views), dim=1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_loss_is_that_of_the_paper(case):
    task, prepared, batch = made(case, 5, temperature=0.3, all_views=True)
    views = task.corrupt(batch, torch.arange(5), prepared)
    model = task.model(prepared, 0).eval()
    z = directions(model, views)
    total = 0.0
    for i in range(10):
        j = (i + 5) % 10
        others = sum(torch.exp(z[i] @ z[k] / 0.3) for k in range(10) if k != i)
        total -= torch.log(torch.exp(z[i] @ z[j] / 0.3) / others).item()
    with torch.no_grad():
        result = task.loss(model, views)
    assert result["loss"].item() == pytest.approx(total / 10, abs=1e-5)
    assert result["labels"].tolist() == [5, 6, 7, 8, 9]
    assert task.heldout_figures({}, [Part(views, 5)], prepared) == {
        "chance_loss": pytest.approx(math.log(9)), "chance_accuracy": pytest.approx(1 / 9)
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_all_views_each_is_sought_among_those_of_the_other_side(case):
    task, prepared, batch = made(case, all_views=False)
    views = task.corrupt(batch, torch.arange(6), prepared)
    model = task.model(prepared, 0).eval()
    first, second = directions(model, views).chunk(2)
    total = 0.0
    for mine, others in ((first, second), (second, first)):
        for i in range(6):
            among = [torch.exp(mine[i] @ others[k] / task.temperature) for k in range(6)]
            total -= torch.log(among[i] / sum(among)).item()
    with torch.no_grad():
        result = task.loss(model, views)
    assert result["loss"].item() == pytest.approx(total / 12, abs=1e-5)
    assert result["labels"].tolist() == list(range(6))
    assert result["logits"].shape == (6, 6)
    assert task.heldout_figures({}, [Part(views, 6)], prepared) == {
        "chance_loss": pytest.approx(math.log(6)), "chance_accuracy": pytest.approx(1 / 6)
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_views_are_those_of_the_modality(case):
    task, prepared, batch = made(case)
    for progress in (0.0, 1.0):
        views = task.corrupt(batch, torch.arange(6), prepared, progress)
        expected = prepared.modality.two_views(batch, torch.arange(6), prepared, progress)
        assert views.keys() == expected.keys()
        assert all(torch.equal(views[name], expected[name]) for name in views)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_views_are_compared_behind_a_projector_that_is_thrown_away(case):
    plain, projected = (made(case, projector=on)[0] for on in (False, True))
    _, prepared, batch = made(case)
    views = plain.corrupt(batch, torch.arange(6), prepared)
    alone, behind = plain.model(prepared, 0).eval(), projected.model(prepared, 0).eval()
    encoder = prepared.modality.encoder(prepared, 0).eval()
    with torch.no_grad():
        assert torch.equal(alone(**views), prepared.modality.pool(encoder(**views), views))
        assert behind(**views).shape == (12, 64)
    assert kept(alone).state_dict().keys() == kept(behind).state_dict().keys() == encoder.state_dict().keys()
    assert all(torch.equal(kept(behind).state_dict()[name], value) for name, value in encoder.state_dict().items())


def test_pictures_are_those_of_the_modality():
    task, prepared, batch = made(CASES[0])
    model = task.model(prepared, 0)
    pictures = task.pictures(model, batch, torch.arange(6), prepared)
    assert list(pictures) == ["image", "one view", "the other view"]
    assert all(picture.shape == (6, 3, 16, 16) for picture in pictures.values())
    assert all(picture.min() >= -1e-5 and picture.max() <= 1 + 1e-5 for picture in pictures.values())
    assert torch.equal(pictures["image"], batch["image"] / 255)
    task, prepared, batch = made(CASES[2])
    assert task.pictures(None, batch, torch.arange(6), prepared) == {}


def test_text_has_a_recipe_of_its_own():
    text, images = pair("contrastive", "text"), pair("contrastive", "images")
    assert (text.modality.text_encoder, text.modality.vocabulary_size, text.modality.sequence_length) == (
        "static", 30_000, 256,
    )  # fmt: skip
    assert (text.task.temperature, text.task.projector, text.task.all_views) == (0.25, False, False)
    assert (images.task.temperature, images.task.projector, images.task.all_views) == (0.15, True, True)
    training = {name: defaults_of("contrastive", "text")[name] for name in ("optimizer", "batch_size", "max_steps")}
    assert training == {"optimizer": "adamw", "batch_size": 1024, "max_steps": 900}
    assert text.learning_rates["adamw"] == 0.01
    assert pair("contrastive", "text", text_encoder="transformer").learning_rates["adamw"] == 1e-3
    assert images.learning_rates["muon"] == 0.03


@pytest.mark.parametrize(
    ("modality", "flags", "match"),
    [
        ("images", {"temperature": 0.0}, "--temperature must be above 0"),
        ("images", {"smallest_crop": 1.5}, "--smallest_crop must be above 0 and at most 1"),
        ("images", {"hue_jitter": -1.0}, "--hue_jitter must lie between 0 and 1"),
        ("text", {"temperature": 0.0}, "--temperature must be above 0"),
        (
            "text",
            {"smallest_crop": 0.5, "largest_crop": 0.4},
            "--smallest_crop 0.5 must be above 0 and at most --largest_crop 0.4",
        ),
        ("text", {"largest_crop": 1.5}, "which must be at most 1"),
        ("text", {"config_name": "bert-base-uncased"}, "name transformers; .* --text_encoder transformer"),
        ("text", {"embedding_size": 0}, "--embedding_size must be at least 1"),
    ],
)
def test_nonsense_is_refused(modality, flags, match):
    with pytest.raises(UserError, match=match):
        pair("contrastive", modality, **flags)
