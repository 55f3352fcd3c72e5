"""A user's mistake: one clear sentence, a non-zero status, nothing half-written, nothing lost."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import SMALL, pretrain, refused, run, sentences, write_parquet
from transformers import AutoConfig, PreTrainedTokenizerFast

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import is_held_out
from hf_ssl.modalities.prepared import Needs
from hf_ssl.modalities.text.reading import tokenize
from hf_ssl.modalities.text.vocabulary import load_tokenizer, train_tokenizer


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--batch_size=0"], "--batch_size must be at least 1, not 0"),
        (["--mask_probability=0"], "--mask_probability must lie between 0 and 1"),
        (["--mask_probability=1.5"], "--mask_probability must lie between 0 and 1"),
        (["--max_steps=0"], "--max_steps must be at least 1"),
        (["--save_steps=-1"], "--save_steps must be at least 1"),
        (["--sequence_length=2"], "--sequence_length must be at least 8"),
        (["--learning_rate=-1"], "--learning_rate must be above 0"),
        (["--dropout=1"], "--dropout must be at least 0 and below 1"),
        (["--config_name=a", "--model_name_or_path=b"], "exclude each other"),
        (["--eval_split=train"], "--eval_split train is also the train split"),
        (["--optimizer=sgd"], "invalid choice: 'sgd'"),
        (["--max_steps=many"], "invalid int value: 'many'"),
        (["--max_step=3"], "unknown key 'max_step' in the command line; did you mean 'max_steps'"),
        (["stray"], "unexpected arguments on the command line: stray"),
    ],
)
def test_flags(flags, match, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        pretrain(*flags, "--output_dir", tmp_path / "run")
    assert caught.value.code == 2
    assert match in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_unknown_data(tmp_path, parquet, monkeypatch):
    monkeypatch.setattr("hf_ssl.common.patience.BRIEF", 1.0)
    folder = tmp_path / "run"
    refused(folder, "--dataset_name", "no/such", match="cannot read the data set 'no/such'")
    refused(folder, "--dataset_name", tmp_path / "nothing.parquet", match="no such file or folder")
    refused(folder, "--dataset_name", "embedded:nothing", match="no built-in data set 'embedded:nothing'")
    refused(folder, "--dataset_name", "a b", match="neither a local file or folder nor a valid Hub id")
    refused(folder, "--dataset_name", parquet, "--train_split=dev", match="dev.*train")
    refused(folder, "--dataset_name", parquet, "--eval_split=dev", match="dev.*train")
    refused(folder, "--dataset_name", parquet, "--dataset_config=other", match="other")
    refused(
        folder,
        "--dataset_name",
        parquet,
        "--text_column=body",
        match="no column 'body' but text, label; name one with --text_column",
    )
    refused(folder, "--dataset_name", parquet, "--label_column=topic", match="no column 'topic'")
    refused(folder, "--dataset_name", parquet, "--text_column=label", match="column 'label' of .* holds the labels")
    (tmp_path / "data.xyz").write_text("text")
    refused(folder, "--dataset_name", tmp_path / "data.xyz", match="cannot tell the format")
    (tmp_path / "empty").mkdir()
    refused(folder, "--dataset_name", tmp_path / "empty", match="cannot read the data set")


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "txt"])
def test_empty_data(tmp_path, kind):
    path = tmp_path / f"data.{kind}"
    if kind == "parquet":
        pa.parquet.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    else:
        path.write_text("")
    refused(tmp_path / "run", "--dataset_name", path, match="nothing usable|no rows|cannot read")


def test_rows_without_text(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in ["", None, " ", "\n"] * 20))
    refused(tmp_path / "run", "--dataset_name", path, match="nothing usable in column 'text': 80 rows were read")
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*sentences(200)[0], ""]))
    refused(tmp_path / "run", "--dataset_name", path, "--bad_rows=error", match="row 200 of shard 0 has no text")


def test_too_little_text(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("only a few words\n")
    refused(
        tmp_path / "run",
        "--dataset_name",
        path,
        "--sequence_length=128",
        match="less than one block of --sequence_length 128",
    )


def test_strange_rows_are_used_as_far_as_they_can_be(tmp_path):
    texts = sentences(300)[0]
    lines = [text.encode() for text in texts]
    lines[3] = b"broken \xff\xfe utf-8 in a line"
    lines[5] = b"a NUL \0 in a line"
    lines[7] = b""
    lines[9] = b"garden seed " * 900_000  # ten megabytes
    path = tmp_path / "data.txt"
    path.write_bytes(b"\n".join(lines))
    pretrain(*SMALL, "--dataset_name", path, "--output_dir", tmp_path / "run", "--max_steps=40", "--batch_size=64")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["cost"]["tokens"] == 40 * 64 * 32
    assert results["heldout"]["loss"] > 0


def test_a_corrupt_shard_is_named(tmp_path):
    folder = write_parquet(tmp_path / "data", files=3)
    victim = folder / "train-00001.parquet"
    content = bytearray(victim.read_bytes())
    content[300] ^= 64
    victim.write_bytes(content)
    refused(tmp_path / "run", "--dataset_name", folder, match="cannot read .*train-00001.parquet")


def test_a_shard_without_checksums_would_pass(tmp_path):
    """The negative control: the page checksums are what finds it."""
    folder = write_parquet(tmp_path / "data", files=1)
    table = pa.parquet.read_table(folder / "train-00000.parquet")
    path = folder / "train-00000.parquet"
    pa.parquet.write_table(table, path, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    assert pa.parquet.read_table(path) != table


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        ([[1]] * 600, "no label column was used"),
        ([0.5] * 600, "no label column was used"),
        ([f"label {n}" for n in range(600)], "0 usable label"),
        ([0] * 599 + [1], "1 usable label"),
        ([None] * 600, "600 of 600 rows have no label.*0 usable label"),
    ],
)
def test_labels_that_measure_nothing(tmp_path, labels, note):
    pa.parquet.write_table(pa.table({"text": sentences(600)[0], "label": labels}), tmp_path / "data.parquet")
    arguments = [*SMALL, "--max_steps=2", "--dataset_name", tmp_path / "data.parquet", "--output_dir", tmp_path / "run"]
    pretrain(*arguments)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["features"] is None
    assert re.search(note, results["features_note"])
    if isinstance(labels[0], list | float):
        with pytest.raises(UserError, match="labels must be integers, strings or booleans"):
            pretrain(*arguments[:-1], tmp_path / "other", "--label_column=label")


@pytest.mark.parametrize("count", [60, 400])
def test_of_fewer_than_ten_labelled_test_rows_only_clusters_are_measured(tmp_path, count):
    texts, labels = sentences(count)
    held_out = [number for number, text in enumerate(texts) if is_held_out(text.encode())]
    assert (len(held_out) < 10) == (count == 60)
    pa.parquet.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "data.parquet")
    pretrain(*SMALL, "--max_steps=2", "--dataset_name", tmp_path / "data.parquet", "--output_dir", tmp_path / "run")
    features = json.loads((tmp_path / "run" / "results.json").read_text())["features"]
    assert set(features) == {"pretrained", "untrained", "tfidf", "tfidf_svd"}
    for figures in features.values():
        assert {"kmeans_nmi", "kmeans_ari", "kmeans_accuracy", "choice"} <= set(figures)
        assert ("knn_accuracy" in figures) == ("linear_accuracy" in figures) == (count == 400)
    assert "k-means" in (tmp_path / "run" / "README.md").read_text()


def test_text_without_words_has_a_baseline(tmp_path):
    generator = np.random.default_rng(0)
    texts = [
        "".join(generator.choice([*"ACGT"], size=100, p=p))
        for p in ([0.4, 0.1, 0.1, 0.4], [0.1, 0.4, 0.4, 0.1])
        for _ in range(300)
    ]
    pa.parquet.write_table(pa.table({"text": texts, "label": ["a"] * 300 + ["b"] * 300}), tmp_path / "data.parquet")
    pretrain(*SMALL, "--max_steps=2", "--dataset_name", tmp_path / "data.parquet", "--output_dir", tmp_path / "run")
    features = json.loads((tmp_path / "run" / "results.json").read_text())["features"]
    assert features["tfidf_svd"]["linear_accuracy"]["mean"] > 0.9


def test_a_tokenizer_that_cuts_and_pads_does_neither(tmp_path, parquet):
    tokenizer = train_tokenizer(sentences(100)[0], 400, 32)
    tokenizer.backend_tokenizer.enable_truncation(8)
    tokenizer.backend_tokenizer.enable_padding(length=12)
    tokenizer.save_pretrained(tmp_path / "cutting")
    loaded = load_tokenizer(str(tmp_path / "cutting"), Needs(True, False))
    text = sentences(1)[0][0]
    tokens = np.concatenate([tokens for _, tokens in tokenize(loaded, [(0, text)])])
    assert tokens.tolist() == [
        *train_tokenizer(sentences(100)[0], 400, 32)(text, add_special_tokens=False)["input_ids"],
        3,
    ]


def test_tokenizers_and_models(tmp_path, parquet):
    folder = tmp_path / "run"
    tokenizer = train_tokenizer(sentences(100)[0], 400, 32)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, sep_token="[SEP]").save_pretrained(
        tmp_path / "maskless"
    )
    data = ["--dataset_name", parquet]
    refused(folder, *data, "--tokenizer_name", tmp_path / "maskless", match="has no mask token")
    refused(folder, *data, "--tokenizer_name", tmp_path / "nowhere", match="cannot load a tokenizer")
    refused(folder, *data, "--config_name", tmp_path / "nowhere", match="cannot make the masked language model")
    refused(folder, *data, "--model_name_or_path", tmp_path / "nowhere", match="cannot load a tokenizer")
    AutoConfig.for_model("bert", max_position_embeddings=16).save_pretrained(tmp_path / "short")
    refused(folder, *data, "--config_name", tmp_path / "short", match="longer than the 16 positions")
    AutoConfig.for_model("vit").save_pretrained(tmp_path / "vit")
    refused(folder, *data, "--config_name", tmp_path / "vit", match="cannot make the masked language model")


def test_a_batch_that_cannot_be_shared_out(tmp_path, parquet):
    refused(tmp_path / "run", "--dataset_name", parquet, "--gradient_accumulation_steps=3", match="use a multiple of 3")


def test_a_loss_that_is_not_finite(tmp_path, parquet):
    folder = tmp_path / "run"
    with pytest.raises(
        UserError, match="not finite .* the state before it is saved, its rows are in .*bad_batch.json"
    ) as caught:
        pretrain(*SMALL, "--dataset_name", parquet, "--output_dir", folder, "--optimizer=adamw", "--learning_rate=1e30")
    bad = json.loads((folder / "bad_batch.json").read_text())
    assert str(caught.value).startswith(f"step {bad['step']} is not finite")
    assert len(bad["samples"]) == 8
    lines = (folder / "log.jsonl").read_text().splitlines()
    assert len(lines) == bad["step"] - 1
    assert (folder / "checkpoints" / f"step_{len(lines):08d}").exists()
    assert not (folder / "model").exists()


@pytest.mark.slow
def test_a_script_prints_the_sentence_and_no_traceback(tmp_path, cache):
    result = run("--dataset_name", tmp_path / "nothing", "--output_dir", tmp_path / "run", cache=cache)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1] == f"error: no such file or folder: {tmp_path / 'nothing'}"
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()
