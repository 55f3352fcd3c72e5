"""Mask-filling next to clustering of the same rows, for text and images.

    python spaces/ssl_vs_clustering/app.py                                       # the newest runs below runs
    python spaces/ssl_vs_clustering/app.py --run runs/docs runs/digits           # runs or comparisons
    python spaces/ssl_vs_clustering/app.py --model user/name --dataset user/data

The address is printed; GRADIO_SERVER_PORT and GRADIO_SERVER_NAME choose it.
"""

import functools
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.errors import UserError, in_one_line

if TYPE_CHECKING:  # heavy, and not needed for --help
    import gradio as gr

    from hf_ssl.demo.opening import Opened
    from hf_ssl.demo.panel import Panel

HERE = Path(__file__).parent
INDEX = HERE / "index"  # there where all was computed beforehand
MOST_WAITING = 64  # questions; more are told to come back
AT_ONCE = 4  # questions that are answered, of all kinds together
MOST_THREADS = 8  # each holds memory of its own
REMEMBERED = 64  # visitors: Gradio keeps a copy of the whole page for each, and no answer here needs it
KEPT = 3600  # seconds, of uploaded files
MOST_UPLOADED = "10mb"
TITLE = "Fill in, or group? Self-supervised learning next to clustering"
TABS = {"Text": "textPanel", "Images": "imagePanel", "What is the difference?": "differencePanel"}
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

    from hf_ssl.demo.opening import load_demo, open_demo  # heavy: after --help

    whole = INDEX.exists() and given == DemoArguments()
    opened = load_demo(INDEX) if whole else open_demo(given)
    page = build(opened)
    if not whole:
        threading.Thread(target=compute_ahead, args=([opened.demo.text, opened.demo.images],), daemon=True).start()
    page.queue(max_size=MOST_WAITING, api_open=False)
    try:
        serve(page)
    except OSError as error:
        raise UserError(f"the demo cannot be served: {in_one_line(error)}; set another GRADIO_SERVER_PORT") from error


def serve(page: "gr.Blocks") -> None:
    """Answer until interrupted: bounded in size and number, without a word to anybody else."""
    from starlette.middleware import Middleware

    from hf_ssl.demo.guard import Guard

    page.launch(
        app_kwargs={"middleware": [Middleware(Guard)]},
        head=f"<style>{joined('css')}</style><script>{joined('js')}</script>",
        max_file_size=MOST_UPLOADED,
        max_threads=MOST_THREADS,
        state_session_capacity=REMEMBERED,
        enable_monitoring=False,
        show_error=False,
        allowed_paths=[],
        footer_links=[],
        ssr_mode=False,
    )


def compute_ahead(panels: "list[Panel | None]") -> None:
    """Compute what may be asked for before it is, the most likely first, and keep it for the next time."""
    from hf_ssl.demo.cache import keep

    there = [panel for panel in panels if panel is not None]
    try:
        for panel in there:
            panel.index.prepare()
        for panel in there:
            panel.index.complete()
            if panel.kept is not None:
                keep(panel.index, panel.kept)
    except UserError as error:
        print(f"not all could be computed ahead: {error}", file=sys.stderr)


def build(opened: "Opened") -> "gr.Blocks":
    """The page and the API: three tabs, and a question for each method of the demo."""
    import gradio as gr

    from hf_ssl.demo.pages import difference_page, images_page, text_page

    demo = opened.demo
    values = [text_page(demo.text), images_page(demo.images), difference_page(demo, opened.parts)]
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(KEPT, KEPT), fill_width=True) as page:
        with gr.Tabs():
            for (title, panel), value in zip(TABS.items(), values, strict=True):
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
    """The same question, whose refusals Gradio passes on."""
    import gradio as gr

    @functools.wraps(ask)
    def asked(*arguments: Any) -> dict[str, Any]:
        try:
            return ask(*arguments)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return asked


def joined(kind: str) -> str:
    """All files of a kind as one, so that the page asks no address for anything."""
    return "\n".join(file.read_text() for file in sorted((HERE / "page").glob(f"*.{kind}")))


if __name__ == "__main__":
    run_script(main)
