"""Filled in words, next words and patches: what models say, and that it is they who say it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import GPT2Config, GPT2LMHeadModel

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.images.for_people import open_picture, picture_address, read_address
from hf_ssl.runs.pretrained import load_encoder

TEXT = "the rose and the ship"


@pytest.fixture(scope="session")
def masked(opened):
    return opened.demo.panels["text"].models["masked"]


def test_hidden_words_are_predicted_by_the_model(opened, masked):
    answer = opened.demo.fill(TEXT, [1, 4], "masked", 4)
    assert [word["hidden"] for word in answer["words"]] == [False, True, False, False, True]
    assert [each["was"] for each in answer["predictions"]] == ["rose", "ship"]
    tokenizer = masked.vocabulary.tokenizer
    inputs = tokenizer("the [MASK] and the [MASK]", return_tensors="pt")
    with torch.no_grad():
        logits = masked.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[0]
    at = (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[:, 0]
    for prediction, expected in zip(answer["predictions"], logits[at].softmax(1), strict=True):
        shares = [candidate["probability"] for candidate in prediction["candidates"]]
        assert shares == sorted(shares, reverse=True)
        ordinary = expected.clone()
        ordinary[tokenizer.all_special_ids] = 0
        assert shares == pytest.approx(ordinary.topk(4).values.tolist(), rel=1e-4)


def test_the_truth_has_a_probability_and_a_rank(opened):
    (prediction,) = opened.demo.fill(TEXT, [0], "masked", 20)["predictions"]
    assert 0 < prediction["was_probability"] < 1
    first = prediction["candidates"][0]
    assert (prediction["was_rank"] == 1) == (first["text"] == "the")


def test_a_word_of_several_pieces_says_so(opened):
    (prediction,) = opened.demo.fill("the zyxwv", [1], "masked", 3)["predictions"]
    assert "pieces in this vocabulary" in prediction["note"]
    assert prediction["was_probability"] is None


def test_typed_masks_are_filled_too_and_special_tokens_never_offered(opened):
    answer = opened.demo.fill("the [MASK] and [SEP] the", [], "masked", 20)
    (prediction,) = answer["predictions"]
    assert prediction["was"] is None
    assert not {"[SEP]", "[CLS]", "[PAD]", "[MASK]"} & {each["text"] for each in prediction["candidates"]}


def test_a_long_text_is_cut_to_what_the_model_takes(opened):
    answer = opened.demo.fill("rose " * 200, [3], "masked", 3)
    assert len(answer["words"]) < 200
    assert "32 tokens" in answer["note"]
    assert "".join(word["before"] + word["text"] for word in answer["words"]) + answer["rest"] == "rose " * 200
    bits = [word["bits"] for word in opened.demo.surprise("rose and " * 15, "masked")["words"]]
    assert len(bits) > 24  # more than are asked for one at a time
    assert all(bit > 0 for bit in bits)
    assert len(answer["predictions"]) == 1


def test_surprise_is_the_probability_of_what_was_hidden(opened):
    answer = opened.demo.surprise(TEXT, "masked")
    bits = [word["bits"] for word in answer["words"]]
    for place in range(5):
        (prediction,) = opened.demo.fill(TEXT, [place], "masked", 1)["predictions"]
        assert 2 ** -bits[place] == pytest.approx(prediction["was_probability"], rel=1e-3)
    assert opened.demo.surprise("a [MASK] b", "masked")["words"][1]["bits"] is None


def test_the_next_word_and_its_surprise(opened):
    answer = opened.demo.next_word("the rose and the", "causal", 5)
    assert len(answer["candidates"]) == 5
    best = opened.demo.next_word("the", "causal", 20)["candidates"]
    likely = next(each for each in best if not each["part"] and each["text"].isalpha())
    words = opened.demo.surprise(f"the {likely['text']}", "causal")["words"]
    assert 2 ** -words[1]["bits"] == pytest.approx(likely["probability"], rel=1e-3)
    assert words[0]["bits"] is not None  # texts have a beginning


def refusal(ask):
    """The sentence with which something was refused; nothing where it was answered."""
    try:
        json.dumps(ask())
    except UserError as error:
        return str(error)
    return ""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80), hidden=st.lists(st.integers(-2, 30), max_size=6))
def test_any_text_gives_an_answer_or_a_sentence(opened, text, hidden):
    for ask in (
        lambda: opened.demo.fill(text, hidden, "masked", 3),
        lambda: opened.demo.surprise(text, "masked"),
        lambda: opened.demo.surprise(text, "causal"),
        lambda: opened.demo.next_word(text, "causal", 3),
        lambda: opened.demo.place_text(text, "tfidf", "pca"),
    ):
        assert "\n" not in refusal(ask)


@pytest.mark.parametrize("name", ["mae", "simmim"])
def test_only_hidden_patches_are_predicted(opened, name):
    address = opened.demo.image_row(3)["image"]
    whole = read_address(address, 16)
    answer = opened.demo.reconstruct(address, [0, 5], 0, 0, name)
    changed = (read_address(answer["reconstruction"], 16) != whole).any(2)
    patches = changed.reshape(4, 4, 4, 4).any((1, 3)).flatten()
    assert set(np.flatnonzero(patches)) == {0, 5}
    assert (read_address(answer["masked"], 16)[:4, :4] == 128).all()
    assert answer["error"] > 0
    nothing = opened.demo.reconstruct(address, [], 0, 0, name)
    assert read_address(nothing["reconstruction"], 16).tolist() == whole.tolist()
    assert nothing["error"] is None


@pytest.mark.parametrize("name", ["mae", "simmim"])
def test_a_ratio_hides_that_share_the_same_for_a_seed(opened, name):
    address = opened.demo.image_row(0)["image"]
    first, again, other = (opened.demo.reconstruct(address, [], 0.75, seed, name)["hidden"] for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 12


def test_what_a_model_predicts_does_not_depend_on_hidden_pixels(opened):
    """The negative control of a reconstruction: it may not look."""
    image = read_address(opened.demo.image_row(1)["image"], 16).copy()
    other = image.copy()
    other[:4, :4] = 255 - other[:4, :4]
    for name in ("mae", "simmim"):
        said = [
            read_address(opened.demo.reconstruct(picture_address(each), [0], 0, 0, name)["reconstruction"], 16)
            for each in (image, other)
        ]
        assert (said[0] == said[1]).all()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("no address", [], 0, 0, "mae"), "must begin with"),
        (("data:image/png;base64,????", [], 0, 0, "mae"), "not a valid data URL"),
        (("data:image/png;base64,AAAA", [], 0, 0, "mae"), "gives no picture"),
        ((None, [16], 0, 0, "mae"), "each of hidden"),
        ((None, list(range(16)), 0, 0, "mae"), "all patches are hidden"),
        ((None, [], 1.5, 0, "mae"), "ratio"),
        ((None, [], 0.5, -1, "mae"), "seed"),
        ((None, [], 0.5, 0, "masked"), "there is no model"),
    ],
)
def test_what_cannot_be_reconstructed(opened, arguments, match):
    address, *others = arguments
    address = address or opened.demo.image_row(0)["image"]
    with pytest.raises(UserError, match=match):
        opened.demo.reconstruct(address, *others)


def test_pictures_of_many_pixels_in_few_bytes():
    many = png(Image.new("L", (6_000, 6_000)))
    with pytest.raises(UserError, match="more than 1 million pixels"):
        read_address("data:image/png;base64," + base64.b64encode(many).decode(), 16)
    assert open_picture(many, 16).shape == (16, 16, 3)  # as large as a photograph may be


def test_any_stock_causal_model_goes_on_with_a_text(opened, tmp_path):
    panel = opened.demo.panels["text"]
    run = next(run for run in panel.runs if run.name == "causal")
    size = len(run.prepared.processor)
    GPT2LMHeadModel(GPT2Config(vocab_size=size, n_positions=64, n_embd=16, n_layer=1, n_head=2)).save_pretrained(
        tmp_path
    )
    stock = replace(run, name="gpt", model_folder=tmp_path, encoder=load_encoder(tmp_path, "gpt"))
    assert len(panel.modality.fillers([stock])["gpt"].next_word("the", 3)["candidates"]) == 3


def test_a_file_that_is_too_large():
    with pytest.raises(UserError, match="at most 10 MB"):
        open_picture(b"x" * 11_000_000, 16)
