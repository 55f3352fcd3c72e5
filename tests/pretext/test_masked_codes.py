"""Masked patch codes: the right patch is asked for its own code."""

from __future__ import annotations

import pytest
import torch
from conftest import image_batch

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.images.patches import codes_of
from hf_ssl.pretext.pairing import pair

CASES = [{"image_size": 16, "codes": 20}, {"image_size": 16, "codes": 20, "architecture": "vit"}]
HIDDEN = 10  # of 16 patches: six of ten


@pytest.mark.parametrize("case", CASES)
def test_logits_of_a_place_belong_to_its_patches(case):
    """A head that reads the code off the place, through an encoder that says which place it is."""
    task, prepared, batch = image_batch("masked_codes", rows=3, **case)
    part = task.corrupt(batch, torch.arange(3), prepared)
    patches = prepared.modality.patches
    assert len(part["labels"]) == 3 * HIDDEN
    codes = torch.zeros(3, patches, dtype=torch.long)
    codes.view(-1)[part["positions"]] = part["labels"]
    places = 4 if prepared.modality.architecture == "convolution" else 16
    side, inner = int(places**0.5), int((patches / places) ** 0.5)

    def knows(pixel_values):  # (rows, places, patches of a place * codes), put together by hand
        said = torch.zeros(len(pixel_values), places, inner * inner, task.codes)
        for row in range(3):
            for patch in range(patches):
                y, x = divmod(patch, side * inner)
                place, within = y // inner * side + x // inner, y % inner * inner + x % inner
                said[row, place, within, codes[row, patch]] = 50
        return said.flatten(2)

    assert task.loss(knows, part)["loss"].item() < 1e-6
    assert task.model(prepared, 0)(pixel_values=part["pixel_values"]).shape == (3, places, inner * inner * task.codes)


def test_hidden_patches_have_the_mean_colour_and_the_codes_are_of_what_was_there():
    task, prepared, batch = image_batch("masked_codes", rows=4, **CASES[0])
    part = task.corrupt(batch, torch.arange(4), prepared)
    share = (part["pixel_values"] == 0).float().mean().item()
    assert share == pytest.approx(HIDDEN / 16, abs=0.02)
    statistics = prepared.statistics
    assert part["labels"].max() < 20
    assert statistics["code_counts"].sum() == 200 * 16
    blank = codes_of(torch.zeros(1, 3, 16, 16), 4, statistics["code_projection"], statistics["codes"])
    assert (part["labels"] != blank[0, 0]).any()
    whole = pair("masked_codes", "images", **CASES[0], mask_ratio=0.1).task.corrupt(batch, torch.arange(4), prepared)
    checked = 0
    for position, label in zip(part["positions"].tolist(), part["labels"].tolist(), strict=True):
        row, patch = divmod(position, 16)  # the same crop, of which hardly anything is hidden
        y, x = divmod(patch, 4)
        seen = whole["pixel_values"][row : row + 1, :, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        if (seen != 0).all():
            assert codes_of(seen, 4, statistics["code_projection"], statistics["codes"]).item() == label
            checked += 1
    assert checked > 20


def test_patches_that_do_not_fit_the_encoder_are_refused():
    task, prepared, _ = image_batch("masked_codes", image_size=24, patch_size=6, codes=10)
    with pytest.raises(UserError, match="cannot share the 16 patches"):
        task.model(prepared, 0)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"codes": 1}, "--codes must be at least 2"),
        ({"mask_ratio": 1.0}, "--mask_ratio must lie between 0 and 1 and hide some of the 64 patches, not 1.0"),
        ({"mask_ratio": 0.001}, "--mask_ratio must lie between 0 and 1 and hide some of the 64 patches, not 0.001"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match):
        pair("masked_codes", "images", **flags)
