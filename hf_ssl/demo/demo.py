"""All that can be asked of the demo: every argument is checked, every answer is JSON, every refusal is one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import one_of, whole_number
from hf_ssl.demo.group import group
from hf_ssl.demo.index import METHODS, PROJECTIONS
from hf_ssl.demo.panel import Panel
from hf_ssl.modalities.known import MODALITIES

NEAREST = 5
TEXT, IMAGES = "text", "images"  # the modalities that some endpoints are named after


@dataclass(frozen=True)
class Demo:
    """What the page asks, and what anybody may ask through the API. All methods raise UserError for what they refuse.

    Attributes:
        panels: name of a modality -> its panel.
    """

    panels: dict[str, Panel]

    def fill(self, text: str, hidden: list[int], model: str, top_k: int) -> dict[str, Any]:
        """Return words that a masked language model would put where words are hidden.

        Args:
            text: at most 2,000 characters; ``[MASK]`` is a gap too.
            hidden: numbers of words to hide, as they are numbered in the answer.
            model: name of a masked language model.
            top_k: candidates a word, 1 to 20.

        Returns:
            "words": [{"text", "before", "hidden", "mask"}]; "predictions": [{"word", "was", "was_probability", "was_rank",
            "note", "candidates": [{"text", "probability", "part"}]}]; "rest": the text that the model has no room for; "note".
        """
        return self._model(TEXT, model, "masked").fill(text, hidden, top_k)

    def next_word(self, text: str, model: str, top_k: int) -> dict[str, Any]:
        """Return words that a causal language model would continue with: "candidates" and "note", as in `fill`."""
        return self._model(TEXT, model, "next").next_word(text, top_k)

    def surprise(self, text: str, model: str) -> dict[str, Any]:
        """Return how unexpected each word is: "words": [{"text", "before", "bits"}], "rest" and "note", as in `fill`."""
        return self._model(TEXT, model, "masked", "next").surprise(text)

    def reconstruct(self, image: str, hidden: list[int], ratio: float, seed: int, model: str) -> dict[str, Any]:
        """Return patches that a masked image model would put where patches are hidden.

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
        return self._model(IMAGES, model, "patches").reconstruct(image, hidden, ratio, seed)

    def group(self, kind: str, features: str, method: str, clusters: int, projection: str) -> dict[str, Any]:
        """Return all rows on a map, in clusters.

        Args:
            kind: name of a modality, "text" or "images" for example.
            features: name of the features, or the beginning of only one of their names.
            method: "kmeans" or "gaussian_mixture".
            clusters: how many.
            projection: "tsne" or "pca".

        Returns:
            "x" and "y" (0 to 1,000, a row each); "clusters" (a row each); "names": [{"name", "rows", "colour", "label",
            "share"}], where a colour is the number of the label that fits best; "agreement": {"nmi", "ari", "accuracy"} or None where there are no labels.
        """
        index = self._panel(kind).index
        return group(
            index,
            _known(features, index.features),
            one_of("method", method, METHODS),
            whole_number("clusters", clusters, index.fewest_clusters, index.most_clusters),
            one_of("projection", projection, PROJECTIONS),
        )

    def row(self, kind: str, row: int) -> dict[str, Any]:
        """Return a row of the data set: "row", "label" (-1: none), and what its modality shows of it."""
        panel = self._panel(kind)
        rows = panel.index.rows
        place = whole_number("row", row, 0, len(rows.inputs) - 1)
        return {"row": place, "label": int(rows.labels[place])} | panel.modality.shown(rows.inputs[place])

    def place(self, kind: str, value: Any, features: str, projection: str) -> dict[str, Any]:
        """Return where an input belongs on the map: "x", "y", "nearest": [{"row", "label", "similarity", perhaps "text"}].

        Args:
            kind: name of a modality.
            value: an input as JSON, as the modality takes it.
            features: of the map, see `group`.
            projection: of the map.
        """
        panel = self._panel(kind)
        asked, index = panel.modality.asked(value), panel.index
        where, nearest = index.place(
            _known(features, index.features), one_of("projection", projection, PROJECTIONS), asked, NEAREST
        )
        shown = [
            {"row": row, "label": int(index.rows.labels[row]), "similarity": similarity}
            | panel.modality.excerpt(index.rows.inputs[row])
            for row, similarity in nearest
        ]
        return {"x": where[0], "y": where[1], "nearest": shown}

    def open(self, kind: str, path: str) -> dict[str, Any]:
        """Return an uploaded file as the modality shows it."""
        modality = self._panel(kind).modality
        if not isinstance(path, str):
            raise UserError("there is no file; choose one")
        return modality.shown(modality.uploaded(Path(path).read_bytes()))

    def place_text(self, text: str, features: str, projection: str) -> dict[str, Any]:
        """Return where a text belongs on the map, see `place`: "x", "y", "nearest": [{"row", "text", "label", "similarity"}]."""
        return self.place(TEXT, text, features, projection)

    def place_image(self, image: str, features: str, projection: str) -> dict[str, Any]:
        """Return where an image (a data address) belongs on the map, see `place`."""
        return self.place(IMAGES, image, features, projection)

    def text_row(self, row: int) -> dict[str, Any]:
        """Return a row of the data set: "row", "text" (the first 2,000 characters), "label" (-1: none), "note"."""
        return self.row(TEXT, row)

    def image_row(self, row: int) -> dict[str, Any]:
        """Return a row of the data set: "row", "image" (a data address), "label" (-1: none)."""
        return self.row(IMAGES, row)

    def open_image(self, path: str) -> dict[str, Any]:
        """Return an uploaded file as an image of the models' size: "image", a data address."""
        return self.open(IMAGES, path)

    def _panel(self, kind: str) -> Panel:
        one_of("kind", kind, dict.fromkeys([*self.panels, *MODALITIES]))
        if kind not in self.panels:
            raise UserError(f"this demo shows no {kind}")
        return self.panels[kind]

    def _model(self, kind: str, name: str, *able: str) -> Any:
        """Return a model of a panel, of some kinds: "masked", "next", "patches"."""
        models = self._panel(kind).models
        return models[one_of("model", name, [each for each, model in models.items() if model.kind in able])]


def _known(name: str, features: dict[str, Any]) -> str:
    """Return the name of some features, given that or a beginning that only one name has."""
    beginning = [each for each in features if isinstance(name, str) and name and each.startswith(name)]
    return beginning[0] if len(beginning) == 1 else one_of("features", name, features)
