"""Everything by keyboard alone, in a real browser."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

from page_steps import hidden_patches, pangram, ready, word
from playwright.sync_api import expect


def test_by_keyboard_alone(visit):
    page = ready(visit())
    word(pangram(page), "fox").focus()
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


def test_patches_by_keyboard(visit):
    page = ready(visit(tab="Images"))
    before = hidden_patches(page)
    page.locator('.patch[tabindex="0"]').focus()
    page.keyboard.press("ArrowUp")  # there is none
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("aria-label", "Patch in row 2, column 2")
    was = focused.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    expect(focused).to_have_attribute("aria-pressed", str(not was).lower())
    expect(page.locator('.patch[aria-pressed="true"]')).to_have_count(before + (-1 if was else 1))
    expect(page.locator('.patch[tabindex="0"]')).to_have_count(1)
