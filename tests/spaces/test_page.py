"""The page in a real browser: all that people do on it, by pointer and by keyboard, and how it looks."""

import re

import pytest
from conftest import picture, png

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

import numpy as np
from playwright.sync_api import Page, expect

HOSTILE = "<script>window.hacked=1</script>"
TABS = ["Text", "Images", "What is the difference?"]


def word(page: Page, text: str):
    return page.locator("button.word", has_text=re.compile(f"^{text}$"))


def write(page: Page, text: str) -> None:
    page.get_by_label("A sentence").fill(text)
    expect(page.locator(".words")).to_have_text(text)


def ready(page: Page) -> Page:
    """The map of the visible tab has its points, and nothing is under way."""
    page.locator(".legend .entry").locator("visible=true").first.wait_for()
    page.locator(".nearest button").locator("visible=true").first.wait_for()
    expect(page.locator(".busy").locator("visible=true")).to_have_count(0)
    return page


def points(page: Page) -> list[str]:
    dots = page.locator(".points").locator("visible=true").first
    return dots.evaluate("group => [...group.children].map(dot => dot.style.transform)")


def hidden_patches(page: Page) -> int:
    return page.locator('.patch[aria-pressed="true"]').count()


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


def test_patches_are_hidden_and_painted(visit):
    page = ready(visit(tab="Images"))
    painted = page.get_by_alt_text("What it paints")
    first = painted.get_attribute("src")
    half = hidden_patches(page)
    assert half == 8  # of 16
    page.locator('.patch[aria-pressed="false"]').first.click()
    expect(page.locator('.patch[aria-pressed="true"]')).to_have_count(9)
    expect(painted).not_to_have_attribute("src", first)
    expect(page.get_by_text("Mean colour", exact=True)).to_be_visible()
    page.get_by_role("slider", name="Hidden").fill("25")
    expect(page.locator('.patch[aria-pressed="true"]')).to_have_count(4)
    ready(page)
    before = painted.get_attribute("src")
    page.get_by_role("button", name="Other patches").click()
    expect(painted).not_to_have_attribute("src", before)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator('.patch[aria-pressed="true"]')).to_have_count(0)
    expect(page.get_by_text("Mean colour", exact=True)).to_be_hidden()


def test_images_are_opened_dropped_and_picked(visit):
    page = ready(visit(tab="Images"))
    original = page.get_by_alt_text("Original")
    before = original.get_attribute("src")
    mine = png(picture(1, np.random.default_rng(7), size=40))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open an image").click()
    chooser.value.set_files({"name": "mine.png", "mimeType": "image/png", "buffer": mine})
    expect(original).not_to_have_attribute("src", before)
    before = original.get_attribute("src")
    page.locator(".exercise").locator("visible=true").evaluate(
        """(place, bytes) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(bytes)], "drop.png", { type: "image/png" }));
            place.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        list(png(picture(0, np.random.default_rng(8), size=40))),
    )
    expect(original).not_to_have_attribute("src", before)
    ready(page)
    before = original.get_attribute("src")
    page.locator(".faces button").nth(2).click()
    expect(original).not_to_have_attribute("src", before)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open an image").click()
    chooser.value.set_files({"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_role("alert").locator("visible=true")).to_contain_text(re.compile(r"[Ii]mage|[Pp]icture"))


def test_thumbnails_do_not_lie_on_one_another(visit):
    page = ready(visit(tab="Images", reduced_motion="reduce"))
    faces = page.locator(".thumbnails .face").evaluate_all(
        "all => all.map(face => face.getBoundingClientRect().toJSON())"
    )
    assert faces
    for number, one in enumerate(faces):
        for other in faces[:number]:
            assert max(abs(one["x"] - other["x"]), abs(one["y"] - other["y"])) >= one["width"]


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


def test_texts_are_shown_as_texts(visit):
    page = ready(visit())
    page.get_by_label("Features").locator("visible=true").select_option(label="TF-IDF")
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


def test_errors_are_said_where_they_happen_and_what_was_there_stays(visit):
    page = ready(visit())
    page.context.set_offline(True)
    word(page, "fox").click()
    alert = page.locator(".exercise [role=alert]").first
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
    page = ready(visit())
    held = []
    page.route("**/call/fill/*", lambda route: route.continue_() if held else held.append(route))
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
            "curves": [{"title": name, "family": "pretrained", "points": CURVE} for name in ("one", "two")],
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
