"""A running demo of small runs on hostile rows, and a browser to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import picture, png, sentences
from demo_fixtures import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror=hacked=1> {{7*7}} ${7*7} **bold** [a](javascript:hacked=1)"
)
HOSTILE_RUN = "<b onmouseover=hacked=1> {{7*7}} ${7*7} `x` **mae**"
LABELS = ["<b>garden</b> {{7*7}}", "kitchen ${7*7}", "مرفأ 🦊"]


@pytest.fixture(scope="session")
def hostile_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled sentences, every third of which tries to be more than text."""
    texts, labels = sentences(240, seed=1)
    texts = [f"{HOSTILE} {text}" if n % 3 == 0 else text for n, text in enumerate(texts)]
    texts[1] = "Donaudampfschifffahrtsgesellschaft" * 5 + " مرحبا بالعالم 🦊 " + texts[1]
    kinds = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=LABELS)})
    folder = tmp_path_factory.mktemp("hostile") / "sentences"
    folder.mkdir()
    table = pa.table({"text": texts, "label": labels}, schema=kinds.arrow_schema)
    pyarrow.parquet.write_table(table, folder / "train.parquet", row_group_size=50)
    return folder


@pytest.fixture(scope="session")
def hostile_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures whose labels try to be more than text."""
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=120).tolist()
    images = [{"bytes": png(picture(label, generator)), "path": f"{n}.png"} for n, label in enumerate(labels)]
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=LABELS)})
    folder = tmp_path_factory.mktemp("hostile") / "pictures"
    folder.mkdir()
    table = pa.table({"image": images, "label": labels}, schema=kinds.arrow_schema)
    pyarrow.parquet.write_table(table, folder / "train.parquet", row_group_size=50)
    return folder


@pytest.fixture(scope="session")
def address(
    demo_runs: Path, hostile_texts: Path, hostile_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the demo of a masked and a causal language model and a masked autoencoder is served."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(demo_runs / "mae", folder / HOSTILE_RUN)
    runs = [demo_runs / "masked", demo_runs / "causal", folder / HOSTILE_RUN]
    flags = ["--run", *runs, "--dataset", hostile_texts, hostile_images]
    with served(*flags, cache=folder / "home", folder=folder) as place:
        yield place
    assert "Traceback" not in (folder / "app.log").read_text()


@pytest.fixture(scope="module")  # its event loop must not meet other modules' own
def chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the page is tested in a browser: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("the page is tested in chromium: apt install chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(chromium: Browser, address: str):
    """Open the page: visit(width=1440, theme="light", tab="Text"). It must raise no error and ask nobody else."""
    wrong: list[str] = []
    contexts = []

    def heard(message) -> None:
        made = ("ERR_INTERNET_DISCONNECTED", "status of 413")  # by tests that take the net away, or refuse a file
        if message.type == "error" and not any(each in message.text for each in made):
            wrong.append(message.text)

    def open_page(width: int = 1440, theme: str = "light", tab: str = "Text", **options) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda asked: asked.url.startswith((address, "data:", "blob:")) or wrong.append(asked.url))
        page.goto(f"{address}/?__theme={theme}")
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("heading", level=1).locator("visible=true").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what people with disabilities would stumble over."""
    package = pytest.importorskip("axe_playwright_python", reason="pip install axe-playwright-python")
    return (Path(package.__file__).parent / "axe.min.js").read_text()
