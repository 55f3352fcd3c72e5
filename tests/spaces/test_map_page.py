"""The map beside the text in a real browser: rows, switches, nearest rows."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

from page_steps import hold, points, ready, wait_for, write
from playwright.sync_api import expect


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


def test_a_note_about_a_row_is_shown_where_the_row_was_loaded(visit):
    page = ready(visit())
    row = '{"row": 3, "text": "a row", "label": 0, "note": "this row has 5,000 characters; the first 2,000 are shown"}'
    page.route("**/call/text_row/*", lambda route: route.fulfill(body=f"event: complete\ndata: [{row}]\n\n"))
    page.get_by_role("button", name="Another row").locator("visible=true").click()
    note = page.locator(".another .note").locator("visible=true")
    expect(note).to_have_text("This row has 5,000 characters; the first 2,000 are shown.")
    write(page, "another text")
    expect(note).to_have_count(0)


def test_an_answer_about_a_text_that_is_gone_does_not_come_back_to_the_map(visit):
    page = ready(visit())
    held = hold(page, "place_text")
    page.get_by_label("A sentence").fill("the ship and the sail")
    answer = wait_for(page, held)
    page.get_by_label("A sentence").fill("")
    expect(page.get_by_text("Write a sentence above")).to_be_visible()
    expect(page.locator(".nearest")).to_have_count(0)
    with page.expect_response("**/call/place_text/*"):
        answer.continue_()
    page.wait_for_timeout(300)
    expect(page.locator(".nearest")).to_have_count(0)
    expect(page.locator(".here text").locator("visible=true")).to_have_count(0)


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
    expect(page.get_by_text("The groups were made without labels, but").locator("visible=true")).to_be_visible()
