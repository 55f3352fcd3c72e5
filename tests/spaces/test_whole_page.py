"""All three tabs in a real browser: hostile rows, errors, waiting, the comparison, widths and themes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

from page_fixtures import HOSTILE_RUN
from page_steps import hold, pangram, ready, word, write
from playwright.sync_api import expect

HOSTILE = "<script>window.hacked=1</script>"
TABS = ["Text", "Images", "What is the difference?"]


def test_texts_are_shown_as_texts(visit):
    page = ready(visit())
    page.get_by_label("Features").locator("visible=true").select_option(label="TF-IDF + SVD")
    write(page, f"{HOSTILE} {{{{7*7}}}} ${{7*7}} **bold**")
    expect(page.locator(".nearest .excerpt").first).to_contain_text(
        f"{HOSTILE}<img src=x onerror=hacked=1> {{{{7*7}}}} ${{7*7}}"
    )
    page.locator(".nearest button").first.click()
    expect(page.locator(".words")).to_contain_text(
        f"{HOSTILE}<img src=x onerror=hacked=1> {{{{7*7}}}} ${{7*7}} **bold**"
    )
    page.get_by_label("True labels").locator("visible=true").check(force=True)
    expect(page.locator(".legend").first).to_contain_text("<b>garden</b> {{7*7}}")
    expect(page.locator(".legend").first).to_contain_text("kitchen ${7*7}")
    assert page.evaluate(
        "[window.hacked, document.querySelectorAll('.page script, .page img[src=x], .page b').length]"
    ) == [None, 0]


def test_any_text_is_shown_as_it_is(visit):
    page = visit()

    @settings(max_examples=15, deadline=None, database=None)
    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(str.strip))
    def shown(text):
        page.get_by_label("A sentence").fill(text)
        expect(page.locator(".words")).to_have_text(text)

    shown()


def test_the_name_of_a_model_is_shown_as_text(visit):
    page = ready(visit(tab="Images"))
    names = page.get_by_label("Features").locator("visible=true").locator("option").all_text_contents()
    assert f"masked image: {HOSTILE_RUN}" in names
    page.get_by_role("tab", name="What is the difference?").click()
    page.get_by_role("heading", name="Worked examples").wait_for()
    assert page.evaluate("[window.hacked, document.querySelectorAll('.page b').length]") == [None, 0]


def test_errors_are_said_where_they_happen_and_what_was_there_stays(visit):
    page = ready(pangram(visit()))
    page.context.set_offline(True)
    word(page, "fox").click()
    alert = page.locator(".exercise > .problem [role=alert]").first
    expect(alert).to_have_text("The demo cannot be reached; is it still running?")
    expect(page.locator(".prediction")).to_have_count(1)
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").locator("visible=true").click()
    expect(page.locator(".prediction")).to_have_count(2)
    expect(alert).to_be_hidden()
    page.get_by_label("A sentence").fill(" ")
    expect(page.get_by_text("Write a sentence above")).to_be_visible()
    expect(page.locator(".nearest")).to_have_count(0)
    page.get_by_label("A sentence").fill(" ".join(["[MASK]"] * 20))
    expect(alert).to_contain_text("20 words are hidden")


def test_old_answers_are_dropped_and_waiting_is_shown(visit):
    page = ready(pangram(visit()))
    held = hold(page, "fill")
    word(page, "fox").click()
    expect(page.locator(".exercise").first).to_have_attribute("aria-busy", "true")
    word(page, "jumps").click()
    expect(page.locator(".prediction")).to_have_count(3)
    expect(page.locator(".exercise").first).to_have_attribute("aria-busy", "false")
    with page.expect_response("**/call/fill/*"):
        held[0].continue_()
    page.wait_for_timeout(200)
    expect(page.locator(".prediction")).to_have_count(3)


def test_the_difference(visit):
    page = visit(tab=TABS[2])
    expect(page.locator(".glossary dt").first).to_be_visible()
    expect(page.get_by_role("heading", name="The missing word")).to_be_visible()
    expect(page.get_by_role("heading", name="The next word").locator("visible=true")).to_be_visible()
    expect(page.locator(".sentences li")).to_have_count(6)
    assert page.locator(".routes li").count() >= 2


CURVE = [{"labels": n, "mean": m, "low": m - 0.05, "high": m + 0.05} for n, m in [(1, 0.3), (10, 0.6), ("all", 0.8)]]
COMPARED = {
    "parts": [
        {
            "title": "Text: news",
            "sentence": HOSTILE,
            "reasons": ["{{7*7}}"],
            "table": {
                "columns": [{"name": "a", "title": "A"}, {"name": "b", "title": "B"}],
                "rows": [
                    {"title": "one", "family": "baseline", "cells": {"a": {"mean": 0.5, "low": 0.4, "high": 0.6}}},
                    {"title": "two", "family": "pretrained", "cells": {"a": {"mean": 0.7, "low": None, "high": None}}},
                ],
            },
            "curves": [
                {"title": name, "family": "pretrained", "points": CURVE, "bars": "draws"} for name in ("one", "two")
            ],
            "source": "made up",
            "hint": None,
        }
    ],
    "words": [],
    "examples": {
        "pangram": [], "pangram_text": "", "next": [], "next_text": "", "sentences": [], "routes": [], "note": "",
    },
}  # fmt: skip


@pytest.mark.parametrize("width", [1440, 375])
def test_a_comparison_is_drawn(visit, width):
    page = visit(width, tab=TABS[2])
    page.locator(".page").locator("visible=true").evaluate(
        "(page, data) => hfSsl.differencePanel(page.parentElement, data)", COMPARED
    )
    expect(page.locator(".recommendation")).to_have_text(f"{HOSTILE}.")
    expect(page.get_by_role("region", name="Text: news").locator("td.best .mean")).to_have_text("0.700")
    expect(page.get_by_text("Low – high: 95 % intervals over rows, starts and draws of labels.")).to_have_count(1)
    expect(page.get_by_text("Bars: ")).to_have_text(
        "Bars: from the lowest to the highest of several draws of labels (frozen features)."
    )
    expect(page.locator(".chart .shape")).to_have_count(6)
    expect(page.locator(".chart .interval")).to_have_count(6)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_nothing_to_show(visit):
    page = visit()
    nothing = {"empty": "There is no text.", "command": "python scripts/pretrain_mlm.py"}
    page.locator(".page").locator("visible=true").evaluate(
        "(page, data) => hfSsl.textPanel(page.parentElement, data)", nothing
    )
    expect(page.get_by_text("There is no text.")).to_be_visible()
    expect(page.locator("code.command")).to_have_text(nothing["command"])


def test_no_tab_hides_on_the_narrowest_screen(visit):
    page = visit(width=240)
    for tab in TABS:
        assert page.get_by_role("tab", name=tab).is_visible(), tab


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 375])
def test_looks(visit, axe, tmp_path, width, theme):
    page = visit(width, theme, reduced_motion="reduce")
    ready(page)
    page.get_by_role("switch").locator("visible=true").check()
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        if tab != TABS[2]:
            ready(page)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), tab
        assert page.locator("h1").locator("visible=true").count() == 1
        page.screenshot(path=tmp_path / f"{TABS.index(tab)}.png", full_page=True)
        page.evaluate(axe)
        found = page.evaluate("axe.run()")["violations"]
        bad = [(v["id"], [n["target"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")]
        assert bad == [], tab
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", ground)[:3]))
    assert (brightness < 150) == (theme == "dark")
