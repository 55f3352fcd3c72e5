"""Points, maps, clusters: of shown rows and of new ones; computed once; the same when read back."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from hf_ssl.common.errors import UserError
from hf_ssl.demo.cache import cache_folder, cached_index, keep
from hf_ssl.demo.group import group
from hf_ssl.demo.index import Index
from hf_ssl.demo.panel import features_of
from hf_ssl.demo.points import Features
from hf_ssl.modalities.text.baselines import TfidfSvd


@pytest.fixture(scope="session")
def text(opened):
    return opened.demo.panels["text"].index


@pytest.fixture(scope="session")
def images(opened):
    return opened.demo.panels["images"].index


def tfidf() -> Features:
    return Features("tfidf_svd", "TF-IDF + SVD", "baseline", TfidfSvd(0))


def test_all_features_are_there(text, images):
    families = [features.family for features in text.features.values()]
    assert families == ["pretrained"] * 3 + ["baseline"] + ["untrained"] * 3
    baselines = [f.title for index in (text, images) for f in index.features.values() if f.family == "baseline"]
    assert baselines == ["TF-IDF + SVD", "pixels", "whitened PCA of pixels"]


@pytest.mark.parametrize("kind", ["text", "images"])
def test_every_way_gives_finite_points_and_maps(opened, kind):
    index = opened.demo.panels[kind].index
    for name in index.features:
        assert np.isfinite(index.points(name)).all()
        for projection in ("tsne", "pca"):
            positions = index.positions(name, projection)
            assert positions.shape == (len(index.rows.inputs), 2)
            assert positions.min() >= 0
            assert positions.max() <= 1000
            assert np.ptp(positions, axis=0).max() >= 990  # the map is used


def test_clusters_agree_with_topics_and_the_figures_are_scikit_learns(opened, text):
    answer = opened.demo.group("text", "tfidf", "kmeans", 3, "pca")
    labels = text.rows.labels
    assert answer["agreement"]["nmi"] == pytest.approx(normalized_mutual_info_score(labels, answer["clusters"]))
    assert answer["agreement"]["nmi"] > 0.8  # topics have words of their own
    for named in answer["names"]:
        assert named["colour"] == text.rows.names.index(named["label"])
    assert sum(named["rows"] for named in answer["names"]) == len(labels)
    terms = {term for named in answer["names"] for term in named["name"].split(", ")}
    assert terms & {"rose", "soil", "pan", "ship", "sail", "oven", "water", "garden", "salt", "harbour"}


def test_the_beginning_of_a_name_will_do_where_only_one_name_has_it(opened):
    whole, part = (opened.demo.group("text", name, "kmeans", 3, "pca") for name in ("tfidf_svd", "tfidf"))
    assert whole == part
    placed = [opened.demo.place("text", "the ship", name, "pca") for name in ("tfidf_svd", "tfidf")]
    assert placed[0] == placed[1]
    for name in ("network", "", "svd"):
        with pytest.raises(UserError, match="there is no features"):
            opened.demo.group("text", name, "kmeans", 3, "pca")


@pytest.mark.parametrize("method", ["kmeans", "gaussian_mixture"])
def test_more_clusters_than_labels_have_colours_of_their_own(opened, method):
    names = opened.demo.group("text", "tfidf", method, 7, "pca")["names"]
    assert len({named["colour"] for named in names}) == len(names) == 7


@pytest.mark.parametrize(
    ("features", "projection"), [("tfidf_svd", "pca"), ("tfidf_svd", "tsne"), ("network_1", "pca")]
)
def test_a_row_is_placed_where_it_lies(opened, text, features, projection):
    for row in (0, 10):
        answer = opened.demo.place_text(text.rows.inputs[row], features, projection)
        nearest = answer["nearest"][0]
        assert nearest["similarity"] == pytest.approx(1, abs=1e-3)
        assert nearest["row"] == row
        assert [answer["x"], answer["y"]] == pytest.approx(text.positions(features, projection)[row], abs=2)


def test_an_image_is_placed_where_it_lies(opened, images):
    for features in images.features:
        address = opened.demo.image_row(4)["image"]
        assert opened.demo.place_image(address, features, "pca")["nearest"][0]["row"] == 4


def test_a_text_without_a_known_word_has_a_place_too(opened):
    answer = opened.demo.place_text("zzz 123", "tfidf", "pca")
    assert 0 <= answer["x"] <= 1000
    assert len(answer["nearest"]) == 5


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("sound", "tfidf", "kmeans", 3, "pca"), "no kind 'sound'"),
        (("text", "pixels", "kmeans", 3, "pca"), "no features 'pixels'; there are: network_0"),
        (("text", "tfidf", "hdbscan", 3, "pca"), "no method"),
        (("text", "tfidf", "kmeans", 1, "pca"), "clusters must be a whole number from 2 to 12"),
        (("text", "tfidf", "kmeans", 10**9, "pca"), "clusters must be"),
        (("text", "tfidf", "kmeans", 3, "../../etc/passwd"), "no projection"),
        (("text", None, None, None, None), "no features"),
    ],
)
def test_what_cannot_be_grouped(opened, arguments, match):
    with pytest.raises(UserError, match=match):
        opened.demo.group(*arguments)


@pytest.mark.parametrize("row", [-1, 10**9, "0", 1.5, None])
def test_rows_that_are_not_there(opened, row):
    for ask in (opened.demo.text_row, opened.demo.image_row):
        with pytest.raises(UserError, match="row must be"):
            ask(row)


def test_what_is_asked_at_once_is_computed_once(opened, text, monkeypatch):
    index = Index(text.rows, [text.features["tfidf_svd"]])
    counted = []
    monkeypatch.setattr("hf_ssl.demo.index.cluster", _counting(counted))
    askers = [threading.Thread(target=index.clusters, args=("tfidf_svd", "kmeans", 4)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert counted == [4]


def _counting(counted):
    from hf_ssl.unsupervised.clustering import cluster

    def counting(points, method, count, seed):
        counted.append(count)
        return cluster(points, method, count, seed)

    return counting


@pytest.mark.parametrize("kind", ["text", "images"])
def test_what_was_saved_answers_the_same_without_the_bank(opened, kind, tmp_path):
    panel = opened.demo.panels[kind]
    index, modality = panel.index, panel.modality
    names = list(index.features)
    before = {name: group(index, name, "kmeans", 3, "pca") for name in names}
    placed = {name: index.place(name, "pca", index.rows.inputs[2], 5) for name in names}
    index.save(tmp_path / "index")
    assert {file.suffix for file in (tmp_path / "index").iterdir()} == {".parquet", ".safetensors", ".json"}
    again = Index.load(shutil.move(tmp_path / "index", tmp_path / "moved"), modality, features_of(modality, panel.runs))
    assert not again.rows.bank.inputs
    for name in names:
        assert group(again, name, "kmeans", 3, "pca") == before[name]
        where, nearest = again.place(name, "pca", index.rows.inputs[2], 5)
        assert where == placed[name][0]
        assert [row for row, _ in nearest] == [row for row, _ in placed[name][1]]
    content = json.loads((tmp_path / "moved" / "index.json").read_text())
    assert content["dataset"] in ("sentences", "pictures")  # and not the folder it lies in


def test_what_was_computed_is_kept_for_the_same_rows_only(text, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    first = Index(text.rows, [tfidf()])
    folder = cache_folder(text.rows, ["run 1"])
    clusters = first.clusters("tfidf_svd", "kmeans", 4)
    keep(first, folder)
    again = cached_index(text.rows, [tfidf()], folder)
    monkeypatch.setattr("hf_ssl.demo.index.cluster", lambda *_: pytest.fail("computed again"))
    assert (again.clusters("tfidf_svd", "kmeans", 4) == clusters).all()
    others = replace(text.rows, inputs=[*text.rows.inputs[:-1], "another"])
    assert len({folder, cache_folder(text.rows, ["run 2"]), cache_folder(others, ["run 1"])}) == 3
    (folder / "tfidf_svd.safetensors").write_bytes(b"damaged")
    empty = cached_index(text.rows, [tfidf()], folder)
    assert "computed again" in capsys.readouterr().err
    assert empty.points("tfidf_svd").shape == first.points("tfidf_svd").shape
    assert not folder.exists()
