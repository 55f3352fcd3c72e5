"""Which runs, rows and figures a demo shows; and the same demo again from a folder."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import picture, png, pretrain, sentences, write_parquet
from demo_fixtures import write_comparison

from hf_ssl.common.errors import UserError
from hf_ssl.comparison.outcome import ComparisonResults
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.demo import Demo
from hf_ssl.demo.difference import examples_of, part_of
from hf_ssl.demo.opening import load_demo, open_demo, save_demo
from hf_ssl.demo.pages import difference_page, panel_page
from hf_ssl.demo.selection import beside, chosen_names, find_comparison


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_flags_the_newest_runs_of_both_kinds(here, demo_runs):
    shutil.copytree(demo_runs, here / "runs")
    for age, name in enumerate(["causal", "mae", "masked", "simmim", "views"]):  # the newest comes last
        os.utime(here / "runs" / name / "results.json", (age, age))
    (here / "runs" / "unfinished").mkdir()
    for name, size in (("turned", 16), ("large", 64)):  # older runs of other tasks, one of them on larger images
        shutil.copytree(demo_runs / "mae", here / "runs" / name)
        config = here / "runs" / name / "config.yaml"
        text = config.read_text().replace("image_size: 16", f"image_size: {size}")
        config.write_text(text.replace("task: masked_image", "task: rotation" if size == 16 else "task: vertical_flip"))
        os.utime(here / "runs" / name / "results.json", (2, 2))
    make_old(shutil.copytree(demo_runs / "causal", here / "runs" / "old"))  # the newest of all
    names, comparisons = chosen_names(DemoArguments())
    # Two runs of one task on one data set: the newer one.
    assert names == ["runs/views", "runs/masked", "runs/causal", "runs/simmim", "runs/turned"]
    assert comparisons == []


def make_old(folder):
    """As an older version of the package made it."""
    (folder / "run.json").write_text(json.dumps({"run": "1", "command": "python"}))


def test_a_named_run_of_an_older_version_is_refused_in_one_sentence(here, demo_runs):
    make_old(shutil.copytree(demo_runs / "views", here / "old"))
    with pytest.raises(UserError, match="the run in old was made by an older version of hf_ssl") as caught:
        open_demo(DemoArguments(run=["old"]))
    assert "\n" not in str(caught.value)
    (here / "empty").mkdir()
    with pytest.raises(UserError, match="empty is not the folder of a run"):
        open_demo(DemoArguments(run=["empty"]))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A data set of images with two columns of text."""
    texts, labels = sentences(60)
    generator = np.random.default_rng(0)
    pictures = [{"bytes": png(picture(label, generator)), "path": None} for label in labels]
    table = pa.table({"image": pictures, "about": texts, "text": ["none"] * 60, "label": labels})
    folder = tmp_path_factory.mktemp("both")
    pyarrow.parquet.write_table(table, folder / "train.parquet")
    return str(folder)


def test_a_comparison_is_shown_for_its_own_modality_and_column(here, both):
    write_comparison(here / "runs" / "compared", {"dataset_name": both, "text_column": "about"})
    opened = open_demo(DemoArguments(run=["runs/compared"]))
    assert list(opened.demo.panels) == ["text"]
    assert opened.demo.text_row(0)["text"] in sentences(60)[0]
    assert opened.parts[0]["sentence"] == "Take TF-IDF."
    opened = open_demo(DemoArguments(dataset=[both]))
    assert list(opened.demo.panels) == ["images"]
    assert opened.parts[0]["sentence"] is None


def test_a_named_column_says_which_kind_of_data_is_shown(both):
    """A data set may hold both."""
    texts, _ = sentences(60)
    assert list(open_demo(DemoArguments(dataset=[both])).demo.panels) == ["images"]
    demo = open_demo(DemoArguments(dataset=[both], text_column="about")).demo
    assert list(demo.panels) == ["text"]
    assert demo.text_row(0)["text"] in texts
    with pytest.raises(UserError, match="has no column 'nowhere' but image, about, text, label"):
        open_demo(DemoArguments(dataset=[both], image_column="nowhere"))


def test_without_any_run_one_sentence_with_the_command(here):
    with pytest.raises(UserError, match="python scripts/pretrain_mlm.py --output_dir runs/docs") as caught:
        open_demo(DemoArguments())
    assert "\n" not in str(caught.value)


def test_a_name_that_is_not_there_gives_one_sentence(here, api):
    with pytest.raises(UserError, match="there is no folder runs/nothing") as caught:
        open_demo(DemoArguments(run=["runs/nothing"]))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such model on the Hub") as caught:
        open_demo(DemoArguments(model=["nobody/nothing"]), api)
    assert "\n" not in str(caught.value)


def test_two_runs_of_one_name_are_told_apart_by_nobody(here, demo_runs):
    shutil.copytree(demo_runs / "views", here / "other" / "views")
    with pytest.raises(UserError, match="two models are called 'views'"):
        open_demo(DemoArguments(run=[str(demo_runs / "views"), str(here / "other" / "views")]))


def test_a_run_alone_shows_the_rows_it_was_trained_on(demo_runs):
    demo = open_demo(DemoArguments(run=[str(demo_runs / "views")])).demo
    assert list(demo.panels) == ["text"]
    assert demo.panels["text"].source.endswith("sentences")
    assert demo.panels["text"].index.rows.names == []
    with pytest.raises(UserError, match="shows no images"):
        demo.image_row(0)
    assert demo.group("text", "tfidf", "kmeans", 2, "pca")["agreement"] is None


def test_rows_without_a_model_are_grouped_all_the_same(labelled_texts):
    opened = open_demo(DemoArguments(dataset=[str(labelled_texts)]))
    page = panel_page(opened.demo, "text")
    assert page["models"] == []
    assert "python scripts/pretrain_mlm.py" in page["hint"]
    assert [each["name"] for each in page["features"]] == ["tfidf_svd"]
    assert "scripts/compare.py --dataset_name" in opened.parts[0]["hint"]


def test_pages_are_json_and_say_what_can_be_asked(opened):
    text, images = panel_page(opened.demo, "text"), panel_page(opened.demo, "images")
    json.dumps([text, images, difference_page(opened.demo, opened.parts)])
    assert [model["kind"] for model in text["models"]] == ["masked", "next"]
    assert [model["kind"] for model in images["models"]] == ["patches", "patches"]
    assert len(text["rows"]) == len(opened.demo.panels["text"].index.rows.inputs)
    assert {tuple(row) for row in text["rows"]} == {("text", "label")}
    assert {tuple(row) for row in images["rows"]} == {("label",)}
    assert set(text) - set(images) == {"top_k", "longest", "right_first"}
    assert set(images) - set(text) == {"sprite", "columns", "image_size", "patch_size", "mask_ratio"}
    assert (text["hint"], images["hint"]) == (None, None)
    assert text["clusters"] == {"least": 2, "most": 12, "default": 3}
    assert images["sprite"].startswith("data:image/webp;base64,")
    for kind, script in (("text", "pretrain_mlm.py"), ("images", "pretrain_mim.py")):
        empty = panel_page(Demo({}), kind)
        assert empty["empty"] == f"This demo shows no {kind}; this makes a run:"
        assert empty["command"].startswith(f"python scripts/{script} --output_dir runs/")


def test_the_worked_examples_are_the_models_own_answers(opened):
    examples = examples_of(opened.demo.panels)
    (masked,) = examples["pangram"]
    filled = opened.demo.fill(examples["pangram_text"], [], "masked", 5)["predictions"][0]["candidates"]
    assert masked == {"model": "masked", "candidates": filled}
    (following,) = examples["next"]
    assert following["candidates"] == opened.demo.next_word(examples["next_text"], "causal", 5)["candidates"]
    assert len(examples["routes"]) == 7
    tfidf = next(route for route in examples["routes"] if route["title"] == "TF-IDF")
    assert tfidf["right"] is True


@pytest.mark.slow
def test_the_comparison_of_the_data_set_is_found_and_shown(here, demo_runs):
    rows = write_parquet(here / "rows", count=800)
    pretrain("--budget=20s", "--dataset_name", rows, "--output_dir", "runs/compared", script="compare.py")
    names, comparisons = chosen_names(DemoArguments(run=["runs/compared"]))
    assert len(names) == len(comparisons) == 1
    opened = open_demo(DemoArguments(run=["runs/compared"]))
    panel = opened.demo.panels["text"]
    assert find_comparison(panel, beside([])) == here / "runs" / "compared"
    others = {"dataset_name": "user/other"}, {"eval_split": "test"}, {"label_column": "topic"}
    for other in others[:2]:
        assert find_comparison(replace(panel, data=replace(panel.data, **other)), comparisons) is None  # other rows
    assert find_comparison(replace(panel, data=replace(panel.data, **others[2])), comparisons) == comparisons[0]
    (part,) = opened.parts
    results = ComparisonResults.read(here / "runs" / "compared" / "results.json")
    assert part["sentence"] == results.recommendation.sentence
    shown = {row["title"]: row["cells"]["kmeans_nmi"]["mean"] for row in part["table"]["rows"]}
    assert shown == {m.title: m.figures["kmeans_nmi"]["mean"] for m in results.methods.values()}
    curve = next(curve for curve in part["curves"] if curve["title"] == "TF-IDF")
    (method,) = [method for method in results.methods.values() if method.title == "TF-IDF"]
    means = [float(np.mean(values)) for values in method.figures["curve"].values()]
    assert [point["mean"] for point in curve["points"]] == means
    assert part_of(opened.demo.panels["text"], None)["table"] is None  # its run measured nothing by itself
    shutil.rmtree(here / "runs" / "compared" / "pretrained")  # a comparison may have pretrained nothing
    alone = open_demo(DemoArguments(run=["runs/compared"]))
    assert alone.parts[0]["table"] == part["table"]
    assert list(alone.demo.panels["text"].index.features) == ["tfidf_svd"]
    (here / "runs" / "compared" / "results.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be understood .*run the command of that comparison again"):
        open_demo(DemoArguments(run=["runs/compared"]))


def test_a_saved_demo_is_the_same_demo(opened, tmp_path, monkeypatch):
    monkeypatch.setattr("hf_ssl.demo.index.MOST_CLUSTERS", 3)  # all that can be asked for is computed
    folder = tmp_path / "saved"
    save_demo(opened, folder)
    known = {run.name: run for panel in opened.demo.panels.values() for run in panel.runs}
    again = load_demo(folder, lambda name, _revision: known[name])
    assert again.parts == opened.parts
    for kind, name in (("text", "network_1"), ("images", "pixels")):
        asked = (kind, name, "gaussian_mixture", 3, "tsne")
        assert again.demo.group(*asked) == opened.demo.group(*asked)
    assert not any(file.suffix in (".pkl", ".bin", ".pt", ".npy") for file in folder.rglob("*"))
