"""results.json: a typed record that reads back equal, whose figures are what the metrics say of the run's own model."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import evaluate
import numpy as np
import pytest
from conftest import SMALL, pretrain

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.measure import Effort, measure, network_candidates
from hf_ssl.evaluation.measured_rows import measured_rows
from hf_ssl.evaluation.metrics import Accuracy, AdjustedRandIndex, ClusterAccuracy, NormalizedMutualInformation
from hf_ssl.runs.pretrained import load_pretrained
from hf_ssl.runs.results import Cost, RunResults, read_results, write_results

STATIC = ["--task=contrastive", "--batch_size=64", "--embedding_size=32", "--sequence_length=64"]


@pytest.fixture(scope="module")
def finished(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "static"
    pretrain(*SMALL, *STATIC, "--dataset_name", parquet, "--output_dir", folder, script="pretrain.py")
    return folder


def test_the_record_is_what_the_run_was(finished):
    record = json.loads((finished / "results.json").read_text())
    assert (record["kind"], record["format"]) == ("pretraining", RunFolder.FORMAT)
    assert (record["task"], record["modality"], record["seed"]) == ("contrastive", "text", 0)
    assert record["model"]["name"] == "StaticModel"
    assert "class" not in record["model"]
    assert record["baseline"] == ["chance_loss", "guessing"]
    assert record["baseline"][0] in record["heldout"]
    assert record["cost"]["steps"] == 12
    assert record["cost"][record["cost"]["unit"]] == 12 * 64
    assert set(record["features"]) == {"pretrained", "untrained", "tfidf", "tfidf_svd"}
    for figures in record["features"].values():
        for name, figure in figures.items():
            if name != "choice":
                assert set(figure) == {"mean", "low", "high"}
                assert figure["low"] <= figure["mean"] <= figure["high"]
    assert record["data"]["label_column"] == "label"
    run = json.loads((finished / "run.json").read_text())
    assert (run["kind"], run["format"], run["run"]) == ("pretraining", RunFolder.FORMAT, record["run"])


def test_it_reads_back_equal(finished, tmp_path):
    results = read_results(RunFolder.existing(finished))
    assert RunResults.of(json.loads(results.text())) == results
    assert results.text() == (finished / "results.json").read_text()
    folder = RunFolder(tmp_path, {})
    write_results(folder, replace(results, seed=7))
    assert read_results(folder) == replace(results, seed=7) != results


@pytest.mark.parametrize("change", [{"format": 1}, {"cost": {}}, {"data": None}, {"model": {"class": "BertModel"}}])
def test_what_is_no_record_is_one_sentence(finished, tmp_path, change):
    record = json.loads((finished / "results.json").read_text()) | change
    (tmp_path / "results.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="results.json") as caught:
        read_results(RunFolder(tmp_path, {}))
    assert "\n" not in str(caught.value)


def test_costs_have_the_name_of_their_unit():
    cost = Cost(1.5, 2.0, 3, "tokens", 96)
    assert cost.as_json() == {"cpu_seconds": 1.5, "wall_seconds": 2.0, "steps": 3, "unit": "tokens", "tokens": 96}
    assert Cost.of(cost.as_json()) == cost


@pytest.mark.slow
def test_every_figure_of_the_features_is_what_the_metrics_say_of_the_saved_models_predictions(finished, parquet):
    """All over again from the run folder: features, readouts, clusters; then nothing but `evaluate`."""
    run = load_pretrained(finished)
    data = DataArguments(dataset_name=str(parquet))
    source = open_source(data)
    modality = run.modality.for_columns(first_table(source.train, source.name), source.name, "label")
    rows = measured_rows(source, data, modality, "label", modality.measured_rows)

    def embed(inputs):
        return run.modality.embed(run.encoder, run.prepared, inputs, contextlib.nullcontext)

    arrays = measure(network_candidates(embed, rows), rows, Effort(), run.results.seed).arrays
    figures = run.results.features["pretrained"]
    truth = rows.test.labels
    for name in ("knn", "linear", "linear_100"):
        values = [Accuracy().compute(predictions=each, references=truth)["accuracy"] for each in arrays[name]]
        assert figures[f"{name}_accuracy"]["mean"] == pytest.approx(np.mean(values), abs=1e-9)
    agreements = evaluate.combine([NormalizedMutualInformation(), AdjustedRandIndex(), ClusterAccuracy()])
    found = [agreements.compute(predictions=each, references=rows.clustered.labels) for each in arrays["kmeans"]]
    for name, key in (("nmi", "nmi"), ("ari", "ari"), ("accuracy", "cluster_accuracy")):
        mean = np.mean([each[key] for each in found])
        assert figures[f"kmeans_{name}"]["mean"] == pytest.approx(mean, abs=1e-9)
    assert figures["knn_accuracy"]["mean"] > 0.5  # not all of it is chance
