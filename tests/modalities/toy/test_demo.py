"""The demo answers about a modality that no file of the package knows of."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hf_ssl.common.errors import UserError
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.index import Index
from hf_ssl.demo.opening import open_demo
from hf_ssl.demo.pages import panel_page
from hf_ssl.demo.panel import features_of
from modalities.toy.example import METHODS, results_of

pytestmark = pytest.mark.usefixtures("added")


@pytest.fixture(scope="module")
def opened(run):
    return open_demo(DemoArguments(run=[str(run)]))


def test_the_demo_groups_shows_and_places_series(opened):
    demo = opened.demo
    assert list(demo.panels) == ["numbers"]
    features = list(demo.panels["numbers"].index.features)
    assert features == ["network_0", "moments", "histogram", "untrained_0"]
    for name in features:
        found = demo.group("numbers", name, "kmeans", 3, "pca")
        assert len(found["x"]) == len(found["clusters"]) == 80
        assert sum(each["rows"] for each in found["names"]) == 80
        assert found["agreement"]["nmi"] > 0
    row = demo.row("numbers", 4)
    assert row["label"] in (0, 1, 2)
    times, values = np.array(row["points"]).T
    placed = demo.place("numbers", {"times": times.tolist(), "values": values.tolist()}, "network_0", "pca")
    assert placed["nearest"][0]["row"] == 4  # rounded to three digits, it is still nearest to itself
    assert placed["nearest"][0]["text"].startswith(f"{len(times)} numbers: ")
    json.dumps([found, row, placed, panel_page(demo, "numbers")])
    with pytest.raises(UserError, match="a time for each number"):
        demo.place("numbers", {"times": [1], "values": []}, "network_0", "pca")
    with pytest.raises(UserError, match="series cannot be uploaded as files"):
        demo.open("numbers", __file__)
    with pytest.raises(UserError, match="this demo shows no text"):
        demo.row("text", 0)


def test_what_the_demo_computed_is_kept(opened, tmp_path):
    panel = opened.demo.panels["numbers"]
    before = panel.index.positions("moments", "pca")
    panel.index.save(tmp_path)
    again = Index.load(tmp_path, panel.modality, features_of(panel.modality, panel.runs))
    assert (again.positions("moments", "pca") == before).all()
    pairs = zip(panel.index.rows.inputs, again.rows.inputs, strict=True)
    assert all(one.content() == other.content() for one, other in pairs)


def test_the_figures_of_the_run_are_the_demos(opened, run):
    (part,) = opened.parts
    assert part["title"] == "Numbers: series"
    shown = {row["title"]: row["cells"]["knn_accuracy"]["mean"] for row in part["table"]["rows"]}
    assert set(shown) == {"pretrained here", "the same network, untrained"} | METHODS
    assert shown["moments"] == results_of(run)["features"]["moments"]["knn_accuracy"]["mean"]
