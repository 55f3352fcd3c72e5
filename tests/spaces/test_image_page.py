"""The image panel in a real browser: patches, uploads, thumbnails."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser: pip install playwright")

import numpy as np
from conftest import picture, png
from page_steps import hidden_patches, ready
from playwright.sync_api import expect


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


def test_large_files_are_refused_with_their_size(visit):
    page = ready(visit(tab="Images"))
    sent: list[str] = []
    page.on("request", lambda request: "/upload" in request.url and sent.append(request.url))

    def take(size: int) -> None:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Open an image").click()
        chooser.value.set_files({"name": "large.png", "mimeType": "image/png", "buffer": bytes(size)})

    alert = page.get_by_role("alert").locator("visible=true")
    take(10 * 2**20 + 1)
    expect(alert).to_have_text("The file has 10.1 MB; at most 10 MB are allowed.")
    assert sent == []
    page.route("**/upload*", lambda route: route.fulfill(status=413, body="too large"))
    take(3 * 2**20)
    expect(alert).to_have_text("The file has 3.0 MB, more than the demo takes.")
    assert len(sent) == 1


def test_thumbnails_do_not_lie_on_one_another(visit):
    page = ready(visit(tab="Images", reduced_motion="reduce"))
    faces = page.locator(".thumbnails .face").evaluate_all(
        "all => all.map(face => face.getBoundingClientRect().toJSON())"
    )
    assert faces
    for number, one in enumerate(faces):
        for other in faces[:number]:
            assert max(abs(one["x"] - other["x"]), abs(one["y"] - other["y"])) >= one["width"]
