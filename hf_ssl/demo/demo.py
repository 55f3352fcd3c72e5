"""All that can be asked of the demo: every argument is checked, every answer is JSON, every refusal is one sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hf_ssl.demo.group import group
from hf_ssl.demo.index import METHODS, PROJECTIONS
from hf_ssl.demo.limits import MOST_CHARACTERS, one_of, some_text, whole_number
from hf_ssl.demo.masked_words import MaskedWords
from hf_ssl.demo.next_words import NextWords
from hf_ssl.demo.panel import Panel
from hf_ssl.demo.patches import MaskedPatches, open_picture, picture_address, read_address
from hf_ssl.demo.words import MASK
from hf_ssl.errors import UserError

NEAREST = 5
LONGEST_EXCERPT = 120  # characters


@dataclass(frozen=True)
class Demo:
    """What the page asks, and what anybody may ask through the API. All methods raise UserError for what they refuse.

    Attributes:
        text: the panel of texts, if there is one.
        images: the panel of images, if there is one.
    """

    text: Panel | None
    images: Panel | None

    def fill(self, text: str, hidden: list[int], model: str, top_k: int) -> dict[str, Any]:
        """Words that a masked language model would put where words are hidden.

        Args:
            text: at most 2,000 characters; ``[MASK]`` is a gap too.
            hidden: numbers of words to hide, as they are numbered in the answer.
            model: name of a masked language model.
            top_k: candidates a word, 1 to 20.

        Returns:
            "words": [{"text", "before", "hidden", "mask"}]; "predictions": [{"word", "was", "was_probability", "was_rank",
            "note", "candidates": [{"text", "probability", "part"}]}]; "rest": the text that the model has no room for; "note".
        """
        chosen = self._model(self._text, model, MaskedWords)
        return chosen.fill(text, hidden, top_k)

    def next_word(self, text: str, model: str, top_k: int) -> dict[str, Any]:
        """Words that a causal language model would go on with: "candidates" and "note", as in `fill`."""
        return self._model(self._text, model, NextWords).next_word(text, top_k)

    def surprise(self, text: str, model: str) -> dict[str, Any]:
        """How unexpected each word is: "words": [{"text", "before", "bits"}], "rest" and "note", as in `fill`."""
        chosen = self._model(self._text, model, (MaskedWords, NextWords))
        return chosen.surprise(text)

    def group(self, kind: str, features: str, method: str, clusters: int, projection: str) -> dict[str, Any]:
        """All rows on a map, in clusters.

        Args:
            kind: "text" or "images".
            features: name of the features.
            method: "kmeans" or "gaussian_mixture".
            clusters: how many.
            projection: "tsne" or "pca".

        Returns:
            "x" and "y" (0 to 1,000, a row each); "clusters" (a row each); "names": [{"name", "rows", "colour", "label",
            "share"}], where a colour is the number of the label that fits best; "agreement": {"nmi", "ari", "accuracy"} or None where there are no labels.
        """
        panel = self._text if one_of("kind", kind, ["text", "images"]) == "text" else self._images
        index = panel.index
        return group(
            index,
            one_of("features", features, index.features),
            one_of("method", method, METHODS),
            whole_number("clusters", clusters, index.fewest_clusters, index.most_clusters),
            one_of("projection", projection, PROJECTIONS),
        )

    def place_text(self, text: str, features: str, projection: str) -> dict[str, Any]:
        """Where a text belongs on the map: "x", "y", "nearest": [{"row", "text", "label", "similarity"}]."""
        plain = some_text(text).replace(MASK, " ")
        if not plain.strip():
            raise UserError("the text is all gaps, which have no place on the map; type a word")
        return self._place(self._text, plain, features, projection)

    def place_image(self, image: str, features: str, projection: str) -> dict[str, Any]:
        """Where an image (a data address) belongs on the map, as `place_text`."""
        panel = self._images
        return self._place(panel, read_address(image, panel.image_size), features, projection)

    def text_row(self, row: int) -> dict[str, Any]:
        """A row of the data set: "row", "text" (the first 2,000 characters), "label" (-1: none), "note"."""
        place, value, label = self._row(self._text, row)
        long = len(value) > MOST_CHARACTERS
        note = f"the first {MOST_CHARACTERS:,} of {len(value):,} characters" if long else None
        return {"row": place, "text": value[:MOST_CHARACTERS], "label": label, "note": note}

    def image_row(self, row: int) -> dict[str, Any]:
        """A row of the data set: "row", "image" (a data address), "label" (-1: none)."""
        place, value, label = self._row(self._images, row)
        return {"row": place, "image": picture_address(value), "label": label}

    def open_image(self, path: str) -> dict[str, Any]:
        """An uploaded file as an image of the models' size: "image", a data address."""
        if not isinstance(path, str):
            raise UserError("there is no file; choose one")
        return {"image": picture_address(open_picture(Path(path).read_bytes(), self._images.image_size))}

    def reconstruct(self, image: str, hidden: list[int], ratio: float, seed: int, model: str) -> dict[str, Any]:
        """Patches that a masked image model would put where patches are hidden.

        Args:
            image: a data address, as `open_image` and `image_row` give it.
            hidden: numbers of patches, row by row.
            ratio: share to hide by chance instead; 0 hides the named ones.
            seed: of that choice.
            model: name of a masked image model.

        Returns:
            "hidden"; "masked" and "reconstruction" (data addresses); "error" and "mean_colour_error" (mean squares over hidden
            pixels, colours from 0 to 1); "note".
        """
        return self._model(self._images, model, MaskedPatches).reconstruct(image, hidden, ratio, seed)

    @property
    def _text(self) -> Panel:
        if self.text is None:
            raise UserError("this demo shows no text")
        return self.text

    @property
    def _images(self) -> Panel:
        if self.images is None:
            raise UserError("this demo shows no images")
        return self.images

    def _model(self, panel: Panel, name: str, kind: Any) -> Any:
        able = [each for each, model in panel.models.items() if isinstance(model, kind)]
        return panel.models[one_of("model", name, able)]

    def _row(self, panel: Panel, row: Any) -> tuple[int, Any, int]:
        rows = panel.index.rows
        place = whole_number("row", row, 0, len(rows.inputs) - 1)
        return place, rows.inputs[place], int(rows.labels[place])

    def _place(self, panel: Panel, value: Any, features: str, projection: str) -> dict[str, Any]:
        index = panel.index
        where, nearest = index.place(
            one_of("features", features, index.features), one_of("projection", projection, PROJECTIONS), value, NEAREST
        )
        shown = [
            {"row": row, "label": int(index.rows.labels[row]), "similarity": similarity}
            | excerpt(index.rows.inputs[row])
            for row, similarity in nearest
        ]
        return {"x": where[0], "y": where[1], "nearest": shown}


def excerpt(value: str | np.ndarray) -> dict[str, str]:
    """The beginning of a text in one line; nothing for an image."""
    if not isinstance(value, str):
        return {}
    line = " ".join(value[: 4 * LONGEST_EXCERPT].split())
    return {"text": line if len(line) <= LONGEST_EXCERPT else line[: LONGEST_EXCERPT - 1] + "…"}
