"""Which runs, rows and figures a demo shows; and the same demo again from a folder."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import pretrain, write_parquet

from hf_ssl.data.sources import DataArguments
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.choosing import beside, chosen_names, find_comparison
from hf_ssl.demo.difference import examples_of, part_of
from hf_ssl.demo.opening import load_demo, open_demo, save_demo
from hf_ssl.demo.pages import difference_page, images_page, text_page
from hf_ssl.errors import UserError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_flags_the_newest_runs_of_both_kinds(here, demo_runs):
    shutil.copytree(demo_runs, here / "runs")
    for age, name in enumerate(["causal", "mae", "masked", "simmim", "views"]):  # the newest comes last
        os.utime(here / "runs" / name / "results.json", (age, age))
    (here / "runs" / "unfinished").mkdir()
    shutil.copytree(demo_runs / "mae", here / "runs" / "large")  # an older run of another size is not shown beside them
    config = here / "runs" / "large" / "config.yaml"
    config.write_text(config.read_text().replace("image_size: 16", "image_size: 64"))
    os.utime(here / "runs" / "large" / "results.json", (2, 2))
    names, comparisons = chosen_names(DemoArguments())
    # Two runs of one task on one data set: the newer one.
    assert names == ["runs/views", "runs/masked", "runs/causal", "runs/simmim"]
    assert comparisons == []


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
    assert demo.images is None
    assert demo.text.source.endswith("sentences")
    assert demo.text.index.rows.names == []
    with pytest.raises(UserError, match="shows no images"):
        demo.image_row(0)
    assert demo.group("text", "tfidf", "kmeans", 2, "pca")["agreement"] is None


def test_rows_without_a_model_are_grouped_all_the_same(labelled_texts):
    opened = open_demo(DemoArguments(dataset=[str(labelled_texts)]))
    page = text_page(opened.demo.text)
    assert page["models"] == []
    assert "python scripts/pretrain_mlm.py" in page["hint"]
    assert [each["name"] for each in page["features"]] == ["tfidf"]
    assert "scripts/compare.py --dataset_name" in opened.parts[0]["hint"]


def test_pages_are_json_and_say_what_can_be_asked(opened):
    text, images = text_page(opened.demo.text), images_page(opened.demo.images)
    json.dumps([text, images, difference_page(opened.demo, opened.parts)])
    assert [model["kind"] for model in text["models"]] == ["masked", "next"]
    assert [model["kind"] for model in images["models"]] == ["patches", "patches"]
    assert len(text["rows"]) == len(opened.demo.text.index.rows.inputs)
    assert text["clusters"] == {"least": 2, "most": 12, "default": 3}
    assert images["sprite"].startswith("data:image/webp;base64,")
    assert text_page(None)["command"].startswith("python scripts/pretrain_mlm.py")


def test_the_worked_examples_are_the_models_own_answers(opened):
    examples = examples_of(opened.demo.text)
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
    data = DataArguments(dataset_name=str(rows))
    assert find_comparison(data, beside([])) == here / "runs" / "compared"
    assert find_comparison(DataArguments(dataset_name="user/other"), comparisons) is None
    assert find_comparison(replace(data, eval_split="test"), comparisons) is None  # other rows
    opened = open_demo(DemoArguments(run=["runs/compared"]))
    (part,) = opened.parts
    results = json.loads((here / "runs" / "compared" / "results.json").read_text())
    assert part["sentence"] == results["recommendation"]["sentence"]
    shown = {row["title"]: row["cells"]["kmeans_nmi"]["mean"] for row in part["table"]["rows"]}
    assert shown == {m["title"]: m["figures"]["kmeans_nmi"]["mean"] for m in results["methods"].values()}
    curve = next(curve for curve in part["curves"] if curve["title"] == "TF-IDF")
    (name,) = [name for name, method in results["methods"].items() if method["title"] == "TF-IDF"]
    means = [float(np.mean(values)) for values in results["methods"][name]["figures"]["curve"].values()]
    assert [point["mean"] for point in curve["points"]] == means
    assert part_of(opened.demo.text, None)["table"] is None  # its run measured nothing by itself
    shutil.rmtree(here / "runs" / "compared" / "pretrained")  # a comparison may have pretrained nothing
    alone = open_demo(DemoArguments(run=["runs/compared"]))
    assert alone.parts[0]["table"] == part["table"]
    assert [each.name for each in alone.demo.text.index.features.values()] == ["tfidf"]


def test_a_saved_demo_is_the_same_demo(opened, tmp_path, monkeypatch):
    monkeypatch.setattr("hf_ssl.demo.index.MOST_CLUSTERS", 3)  # all that can be asked for is computed
    folder = tmp_path / "saved"
    save_demo(opened, folder)
    known = {run.name: run for panel in (opened.demo.text, opened.demo.images) for run in panel.runs}
    again = load_demo(folder, lambda name, _revision: known[name])
    assert again.parts == opened.parts
    for kind, name in (("text", "network_1"), ("images", "pixels")):
        asked = (kind, name, "gaussian_mixture", 3, "tsne")
        assert again.demo.group(*asked) == opened.demo.group(*asked)
    assert not any(file.suffix in (".pkl", ".bin", ".pt", ".npy") for file in folder.rglob("*"))
