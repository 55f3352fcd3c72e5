"""The static encoder: the mean of token embeddings, loaded by Auto classes, a classifier on top."""

from __future__ import annotations

import torch
from transformers import AutoModel, AutoModelForSequenceClassification

from hf_ssl.modalities.text.static import StaticConfig, StaticForSequenceClassification, StaticModel


def test_padding_does_not_count():
    model = StaticModel(StaticConfig(vocab_size=20, hidden_size=8))
    tokens = torch.tensor([[7, 8, 9, 0, 0], [7, 8, 9, 10, 11]])
    said = model(tokens, (tokens != 0).long()).pooler_output
    table = model.embedding.weight
    assert torch.allclose(said[0], table[7:10].mean(0), atol=1e-6)
    assert torch.allclose(said[1], table[7:12].mean(0), atol=1e-6)
    assert torch.allclose(
        model(tokens).pooler_output[0], table[tokens[0]].mean(0), atol=1e-6
    )  # without a mask all count
    junk = torch.where(tokens == 0, 13, tokens)  # whatever stands where the mask is 0
    assert torch.equal(model(junk, (tokens != 0).long()).pooler_output, said)


def test_a_text_of_nothing_has_features_of_0():
    model = StaticModel(StaticConfig(vocab_size=20, hidden_size=8))
    said = model(torch.tensor([[7, 0], [0, 0]]), torch.tensor([[1, 0], [0, 0]])).pooler_output
    assert torch.equal(said[1], torch.zeros(8))
    assert torch.equal(said[0], model.embedding.weight[7])


def test_auto_classes_load_it_without_a_missing_key(tmp_path):
    labels = dict(enumerate("abc"))
    model = StaticForSequenceClassification(StaticConfig(20, 8, id2label=labels)).eval()
    with torch.no_grad():
        model.classifier.weight.normal_()
    model.save_pretrained(tmp_path)
    tokens, mask = torch.tensor([[7, 8, 9], [5, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    loaded, information = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert torch.equal(loaded(tokens, mask).logits, model(tokens, mask).logits)
    assert model(tokens, mask).logits.shape == (2, 3)
    assert loaded(tokens, mask, labels=torch.tensor([0, 2])).loss > 0
    encoder, information = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert torch.equal(encoder(tokens, mask).pooler_output, model.encoder(tokens, mask).pooler_output)


def test_a_new_classifier_says_nothing_yet():
    model = StaticForSequenceClassification(StaticConfig(20, 8))
    assert not model(torch.tensor([[7, 8]])).logits.any()
