"""Filling in what is hidden, next to clustering of the same rows.

    python spaces/ssl_vs_clustering/app.py                                       # the newest runs below runs
    python spaces/ssl_vs_clustering/app.py --run runs/docs runs/digits           # runs or comparisons
    python spaces/ssl_vs_clustering/app.py --model user/name --dataset user/data

The address is printed once the page is up; GRADIO_SERVER_PORT and GRADIO_SERVER_NAME choose it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.limits import MOST_UPLOADED
from hf_ssl.common.progress import say
from hf_ssl.common.script import run_script
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.guard import Guard

if TYPE_CHECKING:  # they take seconds, and --help does not need them
    import gradio as gr

    from hf_ssl.demo.demo import Demo

HERE = Path(__file__).parent
INDEX = HERE / "index"  # there where all was computed beforehand
MOST_WAITING = 64  # questions; more are told to come back
AT_ONCE = 4  # questions that are answered, of all kinds together
MOST_THREADS = 8  # each holds memory of its own
REMEMBERED = 64  # visitors: Gradio keeps a copy of the whole page for each, and no answer here needs it
KEPT = 3600  # seconds, of uploaded files
TITLE = "Fill in, or group? Self-supervised learning next to clustering"
TABS = {"text": ("Text", "textPanel"), "images": ("Images", "imagePanel")}  # modality -> title, function of the page
LAST_TAB = ("What is the difference?", "differencePanel")
QUESTIONS = (
    "fill",
    "next_word",
    "surprise",
    "group",
    "place_text",
    "text_row",
    "place_image",
    "image_row",
    "reconstruct",
)


def main(arguments: list[str]) -> None:
    """Open the demo, serve it."""
    (given,) = parse_arguments([DemoArguments], arguments, str(__doc__))
    say("loading libraries")
    from hf_ssl.demo.cache import compute_ahead  # torch and transformers take seconds: after --help
    from hf_ssl.demo.opening import load_demo, open_demo
    from hf_ssl.demo.pages import difference_page, panel_page

    whole = INDEX.exists() and given == DemoArguments()
    opened = load_demo(INDEX) if whole else open_demo(given)
    demo = opened.demo
    say("asking the models for worked examples")
    tabs = {tab: panel_page(demo, kind) for kind, tab in TABS.items()} | {LAST_TAB: difference_page(demo, opened.parts)}
    say("starting the page")
    page = build(demo, tabs)
    if not whole:
        threading.Thread(target=compute_ahead, args=(demo.panels.values(),), daemon=True).start()
    page.queue(max_size=MOST_WAITING, api_open=False)
    try:
        serve(page)
    except OSError as error:
        raise UserError(f"the demo cannot be served: {in_one_line(error)}; set another GRADIO_SERVER_PORT") from error


def serve(page: gr.Blocks) -> None:
    """Answer until interrupted: bounded in size and number, without a word to anybody else."""
    page.launch(
        app_kwargs={"middleware": [Middleware(Guard)]},
        head=f"<style>{joined('css')}</style><script>{joined('js')}hfSsl.mostUploaded = {MOST_UPLOADED};</script>",
        max_file_size=MOST_UPLOADED,
        max_threads=MOST_THREADS,
        state_session_capacity=REMEMBERED,
        enable_monitoring=False,
        show_error=False,
        allowed_paths=[],
        footer_links=[],
        ssr_mode=False,
    )


def build(demo: Demo, tabs: dict[tuple[str, str], dict[str, Any]]) -> gr.Blocks:
    """Return the page and the API: a tab for each (title, function of the page), and a question for each method of the demo."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(KEPT, KEPT), fill_width=True) as page:
        with gr.Tabs(overflow_behavior="wrap"):  # on a narrow screen a menu would hide the last one
            for (title, panel), value in tabs.items():
                with gr.Tab(title):
                    # The template is fixed: Gradio would run what stands in one, and rows of a data set may say anything.
                    gr.HTML(
                        value,
                        html_template='<div class="panel-root"></div>',
                        js_on_load=f"hfSsl.{panel}(element, props.value)",
                        apply_default_css=False,
                    )
        together: dict[str, Any] = {"concurrency_limit": AT_ONCE, "concurrency_id": "questions"}
        for name in QUESTIONS:
            gr.api(in_one_sentence(getattr(demo, name)), api_name=name, **together)  # type: ignore[attr-defined] # public, but not listed
        file, image = gr.File(visible=False), gr.JSON(visible=False)
        gr.Button(visible=False).click(in_one_sentence(demo.open_image), file, image, api_name="open_image", **together)
    return page


def in_one_sentence(ask: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return the same question, whose refusals Gradio passes on."""
    import gradio as gr

    @functools.wraps(ask)
    def asked(*arguments: Any) -> dict[str, Any]:
        try:
            return ask(*arguments)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return asked


def joined(kind: str) -> str:
    """Return all files of a kind as one, so that the page asks no address for anything."""
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted((HERE / "page").glob(f"*.{kind}")))


if __name__ == "__main__":
    run_script(main)
