"""Filled in words, next words and patches: what models say, and that it is they who say it."""

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hf_ssl.demo.patches import open_picture, picture_address, read_address
from hf_ssl.errors import UserError

TEXT = "the rose and the ship"


@pytest.fixture(scope="session")
def masked(opened):
    return opened.demo.text.models["masked"]


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
    assert len(answer["predictions"]) == 1


def test_surprise_is_low_where_the_model_is_sure(opened, masked):
    answer = opened.demo.surprise(TEXT, "masked")
    bits = [word["bits"] for word in answer["words"]]
    assert all(bit > 0 for bit in bits)
    for place in (1, 4):
        (prediction,) = opened.demo.fill(TEXT, [place], "masked", 1)["predictions"]
        if prediction["was_probability"]:
            assert 2 ** -bits[place] == pytest.approx(prediction["was_probability"], rel=1e-3)
    assert opened.demo.surprise("a [MASK] b", "masked")["words"][1]["bits"] is None


def test_the_next_word_and_its_surprise(opened):
    answer = opened.demo.next_word("the rose and the", "causal", 5)
    assert len(answer["candidates"]) == 5
    words = opened.demo.surprise("the rose", "causal")["words"]
    after = opened.demo.next_word("the", "causal", 20)["candidates"]
    said = {each["text"]: each["probability"] for each in after}
    if "rose" in said:
        assert 2 ** -words[1]["bits"] == pytest.approx(said["rose"], rel=1e-3)
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
        (("data:image/png;base64,????", [], 0, 0, "mae"), "no valid data address"),
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


def test_a_file_that_is_too_large():
    with pytest.raises(UserError, match="at most 10 MB"):
        open_picture(b"x" * 11_000_000, 16)
