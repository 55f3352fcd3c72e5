"""Masked patch codes: the right patch is asked for its own code."""

import pytest
import torch
from conftest import image_batch

from hf_ssl.data.patches import codes_of
from hf_ssl.errors import UserError
from hf_ssl.pretext.masked_codes import MaskedCodes

CASES = [{"image_size": 16, "codes": 20}, {"image_size": 16, "codes": 20, "architecture": "vit"}]


@pytest.mark.parametrize("case", CASES)
def test_logits_of_a_place_belong_to_its_patches(case):
    """A head that reads the code off the place, through an encoder that says which place it is."""
    task, prepared, batch = image_batch(MaskedCodes(**case), rows=3)
    part = task.corrupt(batch, torch.arange(3), prepared)
    assert len(part["labels"]) == 3 * task.hidden_patches
    codes = torch.zeros(3, task.patches, dtype=torch.long)
    codes.view(-1)[part["positions"]] = part["labels"]
    places = 4 if task.architecture == "convolution" else 16
    side, inner = int(places**0.5), int((task.patches / places) ** 0.5)

    def knows(_pixels):  # (rows, places, patches of a place * codes), put together by hand
        said = torch.zeros(3, places, inner * inner, task.codes)
        for row in range(3):
            for patch in range(task.patches):
                y, x = divmod(patch, side * inner)
                place, within = y // inner * side + x // inner, y % inner * inner + x % inner
                said[row, place, within, codes[row, patch]] = 50
        return said.flatten(2)

    assert task.loss(knows, part)["loss"].item() < 1e-6


def test_hidden_patches_have_the_mean_colour_and_the_codes_are_of_what_was_there():
    task, prepared, batch = image_batch(MaskedCodes(image_size=16, codes=20), rows=4)
    part = task.corrupt(batch, torch.arange(4), prepared)
    share = (part["pixel_values"] == 0).float().mean().item()
    assert share == pytest.approx(task.hidden_patches / task.patches, abs=0.02)
    statistics = prepared.statistics
    assert part["labels"].max() < 20
    assert statistics["code_counts"].sum() == 200 * task.patches
    blank = codes_of(torch.zeros(1, 3, 16, 16), 4, statistics["code_projection"], statistics["codes"])
    assert (part["labels"] != blank[0, 0]).any()


def test_patches_that_do_not_fit_the_encoder_are_refused():
    task, prepared, _ = image_batch(MaskedCodes(image_size=24, patch_size=6, codes=10))
    with pytest.raises(UserError, match="cannot share the 16 patches"):
        task.model(prepared, 0)
    with pytest.raises(UserError, match="--codes must be at least 2"):
        MaskedCodes(codes=1)
