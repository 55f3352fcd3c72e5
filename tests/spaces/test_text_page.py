"""The text panel in a real browser: words, predictions, surprise."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

from page_steps import hold, pangram, ready, wait_for, word, write
from playwright.sync_api import Page, Route, expect


def test_hidden_words_are_predicted_and_put_in(visit):
    page = visit()
    expect(page.locator(".word.blank")).to_have_count(1)  # in the first of the rows
    expect(page.locator(".right-first")).to_contain_text(
        re.compile(r"In \d+ held-out rows .* the right word first \d+ times")
    )
    write(page, "the rose and the sail in water")
    expect(page.locator(".candidate")).to_have_count(0)
    word(page, "rose").click()
    word(page, "sail").click()
    expect(page.locator(".prediction")).to_have_count(2)
    expect(page.locator(".was").first).to_contain_text("It was rose")
    expect(page.locator(".word.blank").nth(1)).to_have_attribute("aria-label", "sail, hidden as blank 2")
    page.locator(".word.blank").nth(1).click()  # shown again
    expect(page.locator(".prediction")).to_have_count(1)
    best = page.locator(".prediction .answer bdi").first.text_content()
    page.locator(".prediction button").first.click()
    expect(page.locator(".candidate")).to_have_count(0)
    expect(page.get_by_label("A sentence")).to_have_value(re.compile(f"^the ?{re.escape(best)} and the sail in water$"))


def all_pieces(route: Route) -> None:
    """Let an answer say that all its candidates are pieces of words."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('"part": false', '"part": true'))


def test_words_stay_hidden_when_a_piece_of_a_word_is_put_in_before_them(visit):
    page = visit()
    write(page, "the ship and the sail in water")
    page.route("**/call/fill/*", all_pieces)
    word(page, "ship").click()
    word(page, "sail").click()
    expect(page.locator(".prediction")).to_have_count(2)
    piece = page.locator(".prediction").first.locator(".candidate bdi", has_text=re.compile(r"^\w+$")).first
    joined = f"the{piece.text_content()} and the sail in water"
    piece.click()
    expect(page.get_by_label("A sentence")).to_have_value(joined)
    expect(page.locator(".prediction")).to_have_count(1)
    expect(page.locator(".was")).to_contain_text("It was sail")
    expect(page.locator(".word.blank")).to_have_attribute("aria-label", "sail, hidden as blank 1")
    expect(page.locator(".word")).to_have_count(6)


def test_words_stay_hidden_when_others_are_edited(visit):
    page = visit()
    write(page, "the ship and the sail in water")
    word(page, "ship").click()
    word(page, "sail").click()
    expect(page.locator(".prediction")).to_have_count(2)
    page.get_by_label("A sentence").fill("so the ships and the sail in water")
    expect(page.locator(".word.blank")).to_have_count(1)
    expect(page.locator(".word.blank")).to_have_attribute("aria-label", "sail, hidden as blank 1")
    expect(page.locator(".was")).to_contain_text("It was sail")


def test_what_is_typed_is_not_lost_to_a_click_on_older_words(visit):
    page = visit()
    write(page, "the rose and the sail")
    word(page, "rose").click()
    expect(page.locator(".candidate").first).to_be_visible()
    page.evaluate(
        """() => {
            const box = document.querySelector("textarea");
            box.value = "the rose and the sails of a ship";
            box.dispatchEvent(new Event("input"));
            document.querySelector("button.candidate").click();
            document.querySelector("button.word:not(.blank)").click();
        }"""
    )
    expect(page.locator(".words")).to_have_text(re.compile("sails of a ship$"))
    expect(page.get_by_label("A sentence")).to_have_value("the rose and the sails of a ship")
    expect(page.locator(".word.blank")).to_have_attribute("aria-label", "rose, hidden as blank 1")


def test_the_end_that_a_model_has_no_room_for_is_kept(visit):
    page = visit()
    text = "the rose and the sail" + " in the water" * 20
    page.get_by_label("A sentence").fill(text)
    expect(page.locator(".words .rest")).to_contain_text("in the water")
    expect(page.get_by_text("The model takes 32 tokens")).to_be_visible()
    word(page, "rose").click()
    page.locator(".prediction button").first.click()
    expect(page.get_by_label("A sentence")).to_have_value(re.compile(f"^the.* and the sail{' in the water' * 20}$"))


def test_a_typed_mask_is_filled_and_hidden_words_before_it_stay_hidden(visit):
    page = visit()
    write(page, "salt and butter")
    word(page, "salt").click()
    expect(page.locator(".prediction")).to_have_count(1)
    page.get_by_label("A sentence").press("End")
    page.get_by_label("A sentence").press_sequentially(" in the [MASK]")
    expect(page.locator(".prediction")).to_have_count(2)
    expect(page.locator(".was")).to_have_count(1)  # nobody knows what a typed mask was


def test_words_are_coloured_by_surprise(visit):
    page = visit()
    pangram(page)
    expect(page.locator(".surprise-legend")).to_be_hidden()
    page.get_by_role("switch", name="Colour words by surprise").check()
    expect(page.locator(".surprise-legend")).to_be_visible()
    fox = word(page, "fox, .*bits")
    fox.focus()
    expect(page.locator(".bits")).to_have_text(re.compile(r"^fox \d+\.\d bits$"))
    word(page, "lazy, .*bits").hover()
    expect(page.locator(".bits")).to_have_text(re.compile(r"^lazy \d+\.\d bits$"))
    page.get_by_role("switch", name="Colour words by surprise").uncheck()
    expect(page.locator(".surprise")).to_have_count(0)


def test_surprise_is_asked_once_a_text_and_says_when_it_waits_and_fails(visit):
    page = visit()
    ready(pangram(page))
    asked: list[str] = []
    page.on("request", lambda request: request.url.endswith("/call/surprise") and asked.append(request.url))
    page.context.set_offline(True)
    surprise = page.get_by_role("switch", name="Colour words by surprise")
    surprise.check()
    alert = page.locator(".exercise [role=alert]").locator("visible=true")
    expect(alert).to_have_text("The demo cannot be reached; is it still running?")
    page.context.set_offline(False)
    held = hold(page, "surprise")
    page.get_by_role("button", name="Try again").locator("visible=true").click()
    place = page.locator(".part", has=page.locator(".surprise-legend")).last
    expect(place).to_have_attribute("aria-busy", "true")
    wait_for(page, held).continue_()
    expect(page.locator(".word.surprise").first).to_be_visible()
    expect(alert).to_have_count(0)
    expect(place).to_have_attribute("aria-busy", "false")
    before = len(asked)
    word(page, "fox, .*bits").click()
    expect(page.locator(".prediction")).to_have_count(2)
    surprise.uncheck()
    surprise.check()
    expect(page.locator(".word.surprise").first).to_be_visible()
    assert len(asked) == before
    write_into = page.get_by_label("A sentence")
    write_into.fill("the ship and the sail")
    expect(word(page, "sail, .*bits")).to_be_visible()
    assert len(asked) == before + 1


def test_a_causal_model_goes_on_with_the_text(visit):
    page = visit()
    write(page, "the ship and the")
    page.get_by_label("Model").locator("visible=true").select_option(label=next_word_model(page))
    expect(page.get_by_role("heading", name="The next word")).to_be_visible()
    page.locator(".prediction button").first.click()
    expect(page.get_by_label("A sentence")).not_to_have_value("the ship and the")
    page.get_by_role("switch").check()
    expect(page.locator("span.word.surprise").first).to_be_visible()
    page.get_by_role("switch").uncheck()
    page.get_by_label("A sentence").fill("salt and butter")
    expect(page.locator(".word")).to_have_count(0)  # none of an older text
    page.get_by_role("switch").check()
    expect(page.locator(".words")).to_have_text(re.compile(r"^salt\b.* and\b.* butter\b.*$"))


def next_word_model(page: Page) -> str:
    titles = page.get_by_label("Model").locator("visible=true").locator("option").all_text_contents()
    return next(title for title in titles if "causal" in title.lower())
