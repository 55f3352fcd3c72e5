"""What each tab shows before anything was asked: JSON."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from hf_ssl.demo.choosing import FIRST_COMMANDS
from hf_ssl.demo.demo import Demo, excerpt
from hf_ssl.demo.difference import PANGRAM, examples_of, words
from hf_ssl.demo.index import METHODS, PROJECTIONS
from hf_ssl.demo.limits import MOST_CHARACTERS
from hf_ssl.demo.panel import Panel

CANDIDATES = 6
THUMBNAIL = 28  # pixels a side
COLUMNS = 25
MASK_RATIO = 0.5
QUALITY = 80  # of the picture of all thumbnails
ABOUT = {
    "text": ("this demo shows no text", "no run has learned to fill in words: make one with"),
    "images": ("this demo shows no images", "no run has learned to fill in patches: make one with"),
}


def text_page(panel: Panel | None) -> dict[str, Any]:
    """Of the panel of texts: rows, labels, models, features, ways to group."""
    if panel is None:
        return {"empty": f"{ABOUT['text'][0].capitalize()}; this makes a run:", "command": FIRST_COMMANDS[0]}
    rows = panel.index.rows
    shown = [excerpt(value) | {"label": int(label)} for value, label in zip(rows.inputs, rows.labels, strict=True)]
    first = {"first": {"text": PANGRAM}, "top_k": CANDIDATES, "longest": MOST_CHARACTERS}
    return _common(panel, FIRST_COMMANDS[0]) | first | {"rows": shown}


def images_page(panel: Panel | None) -> dict[str, Any]:
    """Of the panel of images: the same, and thumbnails."""
    if panel is None:
        return {"empty": f"{ABOUT['images'][0].capitalize()}; this makes a run:", "command": FIRST_COMMANDS[1]}
    rows = panel.index.rows
    patch = next((model.task.patch_size for model in panel.models.values() if hasattr(model, "task")), 4)
    return _common(panel, FIRST_COMMANDS[1]) | {
        "rows": [{"label": int(label)} for label in rows.labels],
        "sprite": _sprite(rows.inputs),
        "columns": COLUMNS,
        "image_size": panel.image_size,
        "patch_size": int(patch),
        "mask_ratio": MASK_RATIO,
        "first": 0,
    }


def difference_page(demo: Demo, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the third tab."""
    return {"parts": parts, "words": words(), "examples": examples_of(demo.text)}


def _common(panel: Panel, command: str) -> dict[str, Any]:
    index = panel.index
    titles = panel.titles()
    models = [{"name": name, "title": titles[name], "kind": model.kind} for name, model in panel.models.items()]
    return {
        "dataset": index.rows.dataset,
        "labels": index.rows.names,
        "models": models,
        "features": [{"name": f.name, "title": f.title, "family": f.family} for f in index.features.values()],
        "methods": [{"name": name, "title": title} for name, title in METHODS.items()],
        "projections": [{"name": name, "title": title} for name, (title, _) in PROJECTIONS.items()],
        "clusters": {"least": index.fewest_clusters, "most": index.most_clusters, "default": index.usual_clusters},
        "hint": None if models else f"{ABOUT[index.rows.kind][1].capitalize()} {command}",
    }


def _sprite(images: list[np.ndarray]) -> str:
    """All thumbnails in one picture, as a data address."""
    lines = -(-len(images) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * THUMBNAIL, lines * THUMBNAIL))
    for place, image in enumerate(images):
        small = Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
        picture.paste(small, (place % COLUMNS * THUMBNAIL, place // COLUMNS * THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, "webp", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
