"""What people do on the page, again and again."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

expect.set_options(timeout=20_000)  # other tests may be using all cores


def word(page: Page, text: str):
    return page.locator("button.word", has_text=re.compile(f"^{text}$"))


def write(page: Page, text: str) -> None:
    page.get_by_label("A sentence").fill(text)
    expect(page.locator(".words")).to_have_text(text)


PANGRAM = "The quick brown fox jumps over the lazy [MASK]."


def pangram(page: Page) -> Page:
    """Write the sentence with a fox and a blank."""
    page.get_by_label("A sentence").fill(PANGRAM)
    expect(word(page, "fox")).to_be_visible()
    return page


def ready(page: Page) -> Page:
    """The map of the visible tab has its points, and nothing is under way."""
    page.locator(".legend .entry").locator("visible=true").first.wait_for()
    page.locator(".nearest button").locator("visible=true").first.wait_for()
    expect(page.locator(".busy").locator("visible=true")).to_have_count(0)
    return page


def hold(page: Page, question: str) -> list[Route]:
    """Keep the first answer to a question from the page; it is let go by continue_()."""
    held: list[Route] = []
    page.route(f"**/call/{question}/*", lambda route: route.continue_() if held else held.append(route))
    return held


def wait_for(page: Page, held: list[Route]) -> Route:
    """The answer that is kept, once it was asked for."""
    for _ in range(200):
        if held:
            break
        page.wait_for_timeout(50)
    return held[0]


def points(page: Page) -> list[str]:
    dots = page.locator(".points").locator("visible=true").first
    return dots.evaluate("group => [...group.children].map(dot => dot.style.transform)")


def hidden_patches(page: Page) -> int:
    return page.locator('.patch[aria-pressed="true"]').count()
