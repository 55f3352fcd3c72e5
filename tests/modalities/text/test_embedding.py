"""Frozen features of texts do not depend on order, padding or company."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from conftest import sentences, text_batch

from hf_ssl.modalities.text.embedding import as_batch


@pytest.fixture(scope="module")
def made():
    task, prepared, _ = text_batch("masked_language", sequence_length=32, vocabulary_size=400)
    return task.model(prepared, 0), prepared


def embed(made, texts, *progress):
    model, prepared = made
    return prepared.modality.embed(model, prepared, texts, contextlib.nullcontext, *progress)


def test_features_do_not_depend_on_order_or_padding(made):
    texts = sentences(100)[0]
    features, backwards, alone = embed(made, texts), embed(made, texts[::-1]), embed(made, texts[:1])
    assert len(features) == 3
    assert list(features)[-1] == "layer 2 of 2"
    for layer, table in features.items():
        assert table.shape == (100, 192)
        assert np.allclose(table, backwards[layer][::-1], atol=1e-4)
        assert np.allclose(table[:1], alone[layer], atol=1e-4)


def test_features_are_the_mean_of_hidden_states(made):
    model, prepared = made
    inputs = prepared.processor("the garden and the ship", return_tensors="pt")
    with torch.no_grad():
        states = model.base_model(**inputs, output_hidden_states=True).hidden_states
    features = embed(made, ["the garden and the ship", "rose"])
    tokens = inputs["input_ids"][:, 1:-1]  # without special ones
    table = features.pop("mean of embeddings")
    expected = model.get_input_embeddings()(tokens)[0].mean(0).detach().numpy()
    assert np.allclose(table[0], expected, atol=1e-6)
    for name, table in features.items():
        layer = int(name.split()[1])
        assert np.allclose(table[0], states[layer][0].mean(0).numpy(), atol=1e-4), name


def test_long_texts_are_cut(made):
    words = sentences(9)[0]
    whole, cut = embed(made, [" ".join(words)]), embed(made, [words[0] + " " + words[1]])
    _, prepared = made
    assert len(prepared.processor(words[0] + " " + words[1])["input_ids"]) > 32
    layers = [name for name in whole if name.startswith("layer")]
    assert all(np.allclose(whole[layer], cut[layer], atol=1e-4) for layer in layers)
    assert not np.allclose(whole["mean of embeddings"], cut["mean of embeddings"], atol=1e-4)  # of all words


def test_progress_is_told_of_every_row(made):
    told = []
    embed(made, sentences(70)[0], told.append)
    assert sum(told) == 70


def test_a_static_encoder_reads_the_whole_text():
    _, prepared, _ = text_batch("contrastive", sequence_length=8, vocabulary_size=400, embedding_size=16)
    encoder = prepared.modality.encoder(prepared, 0)
    texts = [" ".join(sentences(9)[0]), "rose", "☃"]
    told = []
    (features,) = embed((encoder, prepared), texts, told.append).values()
    assert sum(told) == 3
    table = encoder.embedding.weight.detach().numpy()
    for row, text in zip(features, texts, strict=True):
        tokens = prepared.processor(text, add_special_tokens=False)["input_ids"]
        assert np.allclose(row, table[tokens].mean(0), atol=1e-5)


def test_batches_are_padded_behind():
    tokens, mask = as_batch([[1, 2, 3], [], [4]], padding=9)
    assert tokens.tolist() == [[1, 2, 3], [9, 9, 9], [4, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 0], [1, 0, 0]]
