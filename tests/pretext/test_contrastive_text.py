"""Contrastive crops: parts of the right length from the right document, the same in any batch; sentence-transformers loads it."""

import json
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import torch
from conftest import SMALL, pretrain, sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.data.stream import Block
from hf_ssl.errors import UserError
from hf_ssl.pretext.contrastive_text import SHORTEST_CROP, ContrastiveText

CASES = [
    {"sequence_length": 64, "vocabulary_size": 400, "embedding_size": 32},
    {"sequence_length": 64, "vocabulary_size": 400, "text_encoder": "transformer"},
]


@pytest.fixture(scope="module")
def made():
    task = ContrastiveText(**CASES[0])
    texts, _ = sentences(200)
    block = Block(0, np.arange(200), pa.table({"text": ["a b", *texts[1:]]}))
    return task, task.prepare(texts), block


def test_a_document_a_sample(made):
    task, prepared, block = made
    samples, carry, skipped = task.encoder(prepared).encode(block, [])
    assert carry == []
    assert [(row.row, row.reason) for row in skipped] == [(0, "fewer than 4 tokens")]
    assert len(samples) == 199
    assert {sample.values["input_ids"].shape for sample in samples} == {(64,)}
    text = block.table["text"][5].as_py()
    ids = samples[4].values["input_ids"]
    assert (
        prepared.processor.decode(ids[ids != prepared.processor.pad_token_id]).split()
        == text.replace(".", " .").split()
    )


def test_what_is_remembered_changes_nothing(made, monkeypatch):
    task, prepared, block = made
    encoder = task.encoder(prepared)
    first, again = (encoder.encode(block, [])[0] for _ in range(2))
    monkeypatch.setattr("hf_ssl.data.documents.REMEMBERED", 0)
    forgetful = task.encoder(prepared)
    for _ in range(2):
        other = forgetful.encode(block, [])[0]
        assert not forgetful._known
        for samples in (first, again):
            assert all(
                np.array_equal(a.values["input_ids"], b.values["input_ids"])
                for a, b in zip(samples, other, strict=True)
            )
    assert len(encoder._known) == 200


@settings(max_examples=30, deadline=None)
@given(smallest=st.floats(0.01, 0.5), width=st.floats(0, 0.5), seed=st.integers(0, 1000))
def test_parts_are_of_the_right_length_and_from_the_document(made, smallest, width, seed):
    task, prepared, block = made
    task = ContrastiveText(**CASES[0] | {"smallest_crop": smallest, "largest_crop": smallest + width})
    batch = task.collate(task.encoder(prepared).encode(block, [])[0][:16])
    parts = task.corrupt(batch, torch.arange(16) + seed, prepared)
    padding = prepared.processor.pad_token_id
    for name in ("first", "second"):
        for document, part in zip(batch["input_ids"], parts[name], strict=True):
            document, part = document[document != padding].tolist(), part[part != padding].tolist()
            low, high = round(smallest * len(document)), round((smallest + width) * len(document))
            assert min(SHORTEST_CROP, len(document)) <= len(part) <= max(high + 1, SHORTEST_CROP)
            assert len(part) >= low - 1
            assert any(document[at : at + len(part)] == part for at in range(len(document)))


def test_the_loss_is_that_of_finding_each_part_among_the_other_ones(made):
    task, prepared, block = made
    batch = task.collate(task.encoder(prepared).encode(block, [])[0][:6])
    parts = task.corrupt(batch, torch.arange(6), prepared)
    model = task.model(prepared, 0).eval()
    with torch.no_grad():
        first, second = (torch.nn.functional.normalize(model(parts[name]), dim=1) for name in ("first", "second"))
        result = task.loss(model, parts)
    total = 0.0
    for mine, others in ((first, second), (second, first)):
        for i in range(6):
            among = [torch.exp(mine[i] @ others[k] / task.temperature) for k in range(6)]
            total -= torch.log(among[i] / sum(among)).item()
    assert result["loss"].item() == pytest.approx(total / 12, abs=1e-5)
    assert result["labels"].tolist() == list(range(6))
    assert task.heldout_figures({}, [parts], prepared)["chance_loss"] == pytest.approx(np.log(6))


def test_padding_does_not_count(made):
    task, prepared, _ = made
    model = task.model(prepared, 0)
    tokens = torch.tensor([[7, 8, 9, 0, 0], [7, 8, 9, 10, 11]])
    table = model.base_model.embedding.weight
    assert torch.allclose(model(tokens)[0], table[7:10].mean(0), atol=1e-6)
    assert torch.allclose(model(tokens)[1], table[7:12].mean(0), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["static", "transformer"])
def test_sentence_transformers_loads_it(encoder, parquet, tmp_path):
    from sentence_transformers import SentenceTransformer

    flags = [
        *SMALL,
        "--batch_size=16",
        "--sequence_length=128",
        f"--text_encoder={encoder}",
        "--embedding_size=32",
        "--dataset_name",
        parquet,
    ]
    pretrain("--task=contrastive_text", *flags, "--output_dir", tmp_path / "run", script="pretrain.py")
    loaded = SentenceTransformer(str(tmp_path / "run" / "model"), device="cpu")
    texts = sentences(5)[0]
    theirs = loaded.encode(texts)
    task = ContrastiveText(sequence_length=128, text_encoder=encoder, embedding_size=32)
    prepared = task.load_prepared(tmp_path / "run" / "processor")
    model = task.model(prepared, 0)
    model.base_model = type(model.base_model).from_pretrained(tmp_path / "run" / "model")
    ours = list(task.embed(model, prepared, texts, torch.no_grad).values())[-1]
    assert np.allclose(theirs, ours, atol=1e-4)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert set(results["features"]) == {"pretrained", "untrained", "tfidf_svd"}
    card = (tmp_path / "run" / "README.md").read_text()
    assert "library_name: sentence-transformers" in card
    block = re.search(r"```python\n(.*?)```", card, re.S).group(1)
    hide = "import sys; sys.modules['hf_ssl'] = None\n"
    subprocess.run([sys.executable, "-c", hide + block], cwd=tmp_path / "run", check=True, capture_output=True)


def test_contrastive_on_text_is_this_task(parquet, images, tmp_path):
    flags = [*SMALL, "--batch_size=16", "--embedding_size=8", "--max_steps=2", "--dataset_name", parquet]
    pretrain("--task=contrastive", *flags, "--output_dir", tmp_path / "run", script="pretrain.py")
    assert json.loads((tmp_path / "run" / "results.json").read_text())["task"] == "contrastive_text"
    with pytest.raises(SystemExit):  # images have no such flag
        pretrain("--task=contrastive", *flags[:-1], images, "--output_dir", tmp_path / "other", script="pretrain.py")


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"temperature": 0.0}, "--temperature must be above 0"),
        (
            {"smallest_crop": 0.5, "largest_crop": 0.4},
            "--smallest_crop 0.5 must be above 0 and at most --largest_crop 0.4",
        ),
        ({"largest_crop": 1.5}, "and that at most 1"),
        ({"config_name": "bert-base-uncased"}, "give --text_encoder transformer"),
        ({"embedding_size": 0}, "--embedding_size must be at least 1"),
    ],
)
def test_nonsense_is_refused(flags, match):
    with pytest.raises(UserError, match=match):
        ContrastiveText(**flags)
