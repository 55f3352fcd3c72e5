"""The text panel in a real browser: words, predictions, the map, by pointer and by keyboard."""

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

from page_steps import points, ready, word, write
from playwright.sync_api import Page, expect


def test_hidden_words_are_predicted_and_put_in(visit):
    page = visit()
    expect(page.locator(".word.blank")).to_have_count(1)  # the typed mask
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


def test_a_causal_model_goes_on_with_the_text(visit):
    page = visit()
    write(page, "the ship and the")
    page.get_by_label("Model").locator("visible=true").select_option(label=next_word_model(page))
    expect(page.get_by_role("heading", name="The next word")).to_be_visible()
    page.locator(".prediction button").first.click()
    expect(page.get_by_label("A sentence")).not_to_have_value("the ship and the")
    page.get_by_role("switch").check()
    expect(page.locator("span.word.surprise").first).to_be_visible()


def next_word_model(page: Page) -> str:
    titles = page.get_by_label("Model").locator("visible=true").locator("option").all_text_contents()
    return next(title for title in titles if "causal" in title.lower())


def test_rows_are_loaded_from_the_button_the_map_and_the_list(visit):
    page = ready(visit())
    box = page.get_by_label("A sentence")
    seen = {box.input_value()}
    page.get_by_role("button", name="Another row").locator("visible=true").click()
    expect(box).not_to_have_value(next(iter(seen)))
    seen.add(before := box.input_value())
    ready(page)
    page.locator(".nearest button").nth(3).click()
    expect(box).not_to_have_value(before)
    ready(page)
    before = box.input_value()
    frame = page.locator(".map").locator("visible=true").bounding_box()
    left, down = map(float, re.findall(r"[\d.]+", points(page)[7])[:2])
    page.mouse.click(frame["x"] + left, frame["y"] + down)
    expect(box).not_to_have_value(before)
    expect(page.locator(".here text").locator("visible=true")).to_have_text("your sentence")


def test_switches_of_the_map(visit):
    page = ready(visit())
    assert len(points(page)) == 240
    before = points(page)
    features = page.get_by_label("Features").locator("visible=true")
    assert features.locator("option").count() >= 4
    features.select_option(index=features.locator("option").count() - 1)
    page.wait_for_function("before => document.querySelector('.points path').style.transform !== before", arg=before[0])
    before = points(page)
    page.get_by_label("Map", exact=True).locator("visible=true").select_option(label="PCA")
    page.wait_for_function("before => document.querySelector('.points path').style.transform !== before", arg=before[0])
    slider = page.get_by_label("Number of groups").locator("visible=true")
    slider.fill("5")
    expect(page.locator(".legend .entry").locator("visible=true")).to_have_count(5)
    page.get_by_label("Method").locator("visible=true").select_option(label="Gaussian mixture")
    expect(page.locator(".figures dd").locator("visible=true")).to_have_count(3)
    ready(page)
    page.get_by_label("True labels").locator("visible=true").check(force=True)
    expect(page.locator(".legend .entry").locator("visible=true")).to_have_count(3)
    page.locator(".legend .entry").first.click()
    rows = int(re.search(r"(\d+) rows", page.locator(".legend .entry").first.text_content())[1])
    expect(page.locator(".points .dim")).to_have_count(240 - rows)
    page.get_by_text("What these figures say").locator("visible=true").click()
    expect(page.get_by_text("The groups were made without labels").locator("visible=true")).to_be_visible()


def test_by_keyboard_alone(visit):
    page = ready(visit())
    word(page, "fox").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".prediction")).to_have_count(2)
    expect(page.locator(":focus")).to_have_attribute("aria-pressed", "true")  # the focus stays where it was
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(".candidate:focus").count():
            break
    page.keyboard.press("Enter")
    expect(page.locator(".prediction")).to_have_count(1)
    expect(page.locator(":focus")).to_have_class("word")
    text = page.get_by_label("A sentence").input_value()
    ready(page)
    page.get_by_label("True labels").locator("visible=true").focus()
    page.keyboard.press("Tab")
    chart = page.get_by_role("listbox").locator("visible=true")
    expect(chart).to_be_focused()
    option = chart.get_by_role("option")
    assert chart.get_attribute("aria-activedescendant") == option.get_attribute("id")
    seen = {option.text_content()}
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        seen.add(option.text_content())
    assert len(seen) >= 3
    expect(page.locator(".map + [role=status]").first).to_have_text(option.text_content())
    page.keyboard.press("Enter")
    expect(page.get_by_label("A sentence")).not_to_have_value(text)
    expect(chart).to_be_focused()
