"""The running app, asked by Gradio's client and by strangers."""

from __future__ import annotations

import io
import subprocess
import sys

import httpx2
import numpy as np
import pytest
from conftest import png
from demo_fixtures import APP
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

TEXT = "the rose and the ship"


@pytest.fixture(scope="module")
def client(space):
    return Client(space, verbose=False)


@pytest.fixture
def web(space):
    with httpx2.Client(base_url=space, timeout=60) as client:
        yield client


def test_every_question_is_answered(client, tmp_path):
    def ask(name, *arguments):
        return client.predict(*arguments, api_name=f"/{name}")

    assert ask("fill", TEXT, [1], "masked", 3)["predictions"][0]["was"] == "rose"
    assert len(ask("next_word", TEXT, "causal", 3)["candidates"]) == 3
    assert len(ask("surprise", TEXT, "masked")["words"]) == 5
    grouped = ask("group", "text", "tfidf", "kmeans", 3, "pca")
    assert grouped["agreement"]["nmi"] > 0.8
    assert len(ask("place_text", TEXT, "tfidf", "pca")["nearest"]) == 5
    assert isinstance(ask("text_row", 3)["text"], str)
    image = ask("image_row", 3)["image"]
    assert ask("place_image", image, "pixels", "pca")["nearest"][0]["row"] == 3
    assert len(ask("reconstruct", image, [], 0.5, 0, "mae")["hidden"]) == 8
    Image.fromarray(np.full((30, 40, 3), 200, np.uint8)).save(tmp_path / "light.jpg")
    assert ask("open_image", handle_file(tmp_path / "light.jpg"))["image"].startswith("data:image/png;base64,")


def test_what_is_asked_wrongly_gets_a_sentence(client):
    for arguments, match in (
        (("fill", "", [], "masked", 3), "there is no text"),
        (("fill", "word " * 10_000, [], "masked", 3), "at most 2,000"),
        (("fill", "[MASK] " * 60, [], "masked", 3), "60 words are hidden; at most 16"),
        (("fill", "a [MASK]", [], "masked", 10**9), "top_k must be"),
        (("fill", "a [MASK]", [], "../../../etc/passwd", 3), "there is no model"),
        (("group", "text", "tfidf", "kmeans", 0, "pca"), "clusters must be"),
        (("group", "text", "tfidf", "kmeans", 10**9, "pca"), "clusters must be"),
        (("text_row", 10**9), "row must be"),
        (("place_text", "[MASK]", "tfidf", "pca"), "all masks"),
        (("reconstruct", "http://169.254.169.254/latest", [], 0.5, 0, "mae"), "must begin with"),
    ):
        name, *others = arguments
        with pytest.raises(AppError, match=match):
            client.predict(*others, api_name=f"/{name}")


def files():
    """Built bytes: no image, truncated, tiny, animated, a bomb."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8))
    frames = io.BytesIO()
    picture.save(frames, "gif", save_all=True, append_images=[picture.rotate(90)])
    bomb = png(Image.new("1", (12_000, 12_000)))
    return {
        "text.png": (b"<script>alert(1)</script>", "not an image"),
        "truncated.png": (png(picture)[:600], "truncated or damaged"),
        "tiny.png": (png(Image.new("RGB", (1, 1))), "a single pixel"),
        "bomb.png": (bomb, "million pixels"),
        "animated.gif": (frames.getvalue(), None),
        "empty.png": (b"", "empty"),
    }


@pytest.mark.parametrize("name", files())
def test_bad_images_get_a_sentence(client, tmp_path, name):
    data, match = files()[name]
    (tmp_path / name).write_bytes(data)
    if match is None:  # the first picture of several
        assert client.predict(handle_file(tmp_path / name), api_name="/open_image")["image"]
        return
    with pytest.raises(AppError, match=match):
        client.predict(handle_file(tmp_path / name), api_name="/open_image")


def test_fifty_megabytes_are_refused(web):
    assert web.post("/gradio_api/upload", files={"files": b"0" * 50_000_000}).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        f"/gradio_api/file={APP}",
        "/gradio_api/file=http://169.254.169.254/latest/meta-data",
        "/gradio_api/proxy=http://127.0.0.1:22/",
        "/monitoring",
        "/monitoring/summary",
    ],
)
def test_private_files_other_addresses_and_monitoring_are_refused(web, path):
    answer = web.get(path)
    assert answer.status_code in (400, 403, 404)
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "file:///etc/passwd"])
def test_a_file_that_was_not_uploaded_is_not_opened(web, path):
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    event = web.post("/gradio_api/call/open_image", json={"data": [file]}).json()["event_id"]
    said = web.get(f"/gradio_api/call/open_image/{event}").text
    assert "event: error" in said
    assert "root:" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["open_image", "fill"])
@pytest.mark.parametrize("place", ["path", "url"])
def test_no_address_is_opened_for_anybody(web, name, place):
    """Gradio would download it, whichever question it comes with."""
    file = {"path": "x.png", place: "https://example.org/huge.png", "meta": {"_type": "gradio.FileData"}}
    assert web.post(f"/gradio_api/call/{name}", json={"data": [{"a": [file]}]}).status_code == 403
    assert web.post("/gradio_api/queue/join", json={"data": [file], "fn_index": 3}).status_code == 403


def test_a_question_of_many_megabytes_is_refused(web):
    assert web.post("/gradio_api/call/fill", json={"data": ["x" * 5_000_000, [], "masked", 3]}).status_code == 413


def test_questions_cannot_pass_by_the_queue(web):
    answer = web.post("/gradio_api/run/fill", json={"data": ["a [MASK]", [], "masked", 3]})
    assert answer.status_code == 404


def test_nothing_is_told_to_anybody(web):
    assert web.get("/config").json()["analytics_enabled"] is False


def test_what_takes_time_at_the_start_is_said(space, space_folder, labelled_texts):
    said = (space_folder / "app.log").read_text().splitlines()
    told = [line for line in said if line.endswith(" ...")]
    assert told[0] == said[0] == "loading libraries ..."
    assert [line for line in told if line.startswith("loading the model ")][1].endswith("/views ...")
    assert f"reading rows of {labelled_texts} ..." in told
    assert told[-2:] == ["asking the models for worked examples ...", "starting the page ..."]
    (address,) = [line for line in said if space in line]
    assert said.index(address) > said.index(told[-1])


def test_without_runs_the_app_ends_with_one_sentence(tmp_path):
    ended = subprocess.run([sys.executable, str(APP)], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: there is no finished run below runs; make one with `python scripts/")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == "loading libraries ...\n"
