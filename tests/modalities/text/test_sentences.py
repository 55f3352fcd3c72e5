"""Encoders of whole texts: sentence-transformers loads them, and classifiers are made of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import SMALL, pretrain, sentences, text_batch

from hf_ssl.pretext.pairing import pair


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
    pretrain("--task=contrastive", *flags, "--output_dir", tmp_path / "run", script="pretrain.py")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (results["task"], results["modality"]) == ("contrastive", "text")  # the data set says so
    loaded = SentenceTransformer(str(tmp_path / "run" / "model"), device="cpu")
    texts = sentences(5)[0]
    theirs = loaded.encode(texts)
    pairing = pair("contrastive", "text", sequence_length=128, text_encoder=encoder, embedding_size=32)
    prepared = pairing.modality.load_prepared(tmp_path / "run" / "processor")
    model = pairing.task.model(prepared, 0)
    model.base_model = type(model.base_model).from_pretrained(tmp_path / "run" / "model")
    ours = list(prepared.modality.embed(model, prepared, texts, torch.no_grad).values())[-1]
    assert np.allclose(theirs, ours, atol=1e-4)
    assert set(results["features"]) == {"pretrained", "untrained", "tfidf", "tfidf_svd"}
    card = (tmp_path / "run" / "README.md").read_text()
    assert "library_name: sentence-transformers" in card
    block = re.search(r"```python\n(.*?)```", card, re.S).group(1)
    hide = "import sys; sys.modules['hf_ssl'] = None\n"
    subprocess.run([sys.executable, "-c", hide + block], cwd=tmp_path / "run", check=True, capture_output=True)


@pytest.mark.parametrize(
    ("task", "settings", "kind"),
    [
        ("contrastive", {"embedding_size": 16}, "StaticForSequenceClassification"),
        ("contrastive", {"text_encoder": "transformer"}, "ModernBertForSequenceClassification"),
        ("masked_language", {}, "ModernBertForSequenceClassification"),
        ("causal_language", {}, "LlamaForSequenceClassification"),
    ],
)
def test_classifiers_begin_with_the_encoder_or_anew(task, settings, kind, tmp_path):
    task, prepared, _ = text_batch(task, sequence_length=32, vocabulary_size=400, **settings)
    encoder = task.model(prepared, 0).base_model
    encoder.save_pretrained(tmp_path)
    names = ["rose", "oven", "ship"]
    trained, again, new = (
        prepared.modality.classifier(prepared, names, 3, tmp_path, trained=on) for on in (True, True, False)
    )
    assert type(trained).__name__ == type(new).__name__ == kind
    assert list(trained.config.id2label.values()) == names
    own = encoder.state_dict()
    found, other = trained.base_model.state_dict(), new.base_model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in own.items())
    assert any(not torch.equal(other[name], value) for name, value in own.items())
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in trained.state_dict().items())
    samples = prepared.modality.as_samples(prepared, ["the garden and the rose", "ship"])
    inputs = prepared.modality.augmented(prepared.modality.collate(samples), None, prepared)
    with torch.no_grad():
        both = trained.eval()(**inputs).logits
        (alone,) = trained(**prepared.modality.augmented(prepared.modality.collate(samples[1:]), None, prepared)).logits
    assert both.shape == (2, 3)
    assert torch.allclose(both[1], alone, atol=1e-5)  # whatever is beside it
