"""What the encoders, features, classifiers and baselines of every modality promise."""

from __future__ import annotations

import dataclasses
import json
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from hf_ssl.modalities.known import modality_class
from hf_ssl.pretext.pairing import pair, task_names
from hf_ssl.runs.pretrained import load_encoder
from hf_ssl.training.classification import last_layer, learn_last_layer, predict
from modalities.contract.made import NAMES, ROWS, same


def test_the_encoder_is_a_function_of_the_seed(made):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, second, other = (made.modality.encoder(made.prepared, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(first, second)
    assert not same(first, other)


def test_the_encoder_is_saved_and_loaded(made, encoder, saved):
    loaded = load_encoder(saved, "made up")
    assert type(loaded) is type(encoder)
    assert same(loaded.state_dict(), encoder.state_dict())
    batch = made.modality.augmented(made.batch(0, 1), None, made.prepared)
    assert torch.equal(made.pooled(loaded, batch), made.pooled(encoder, batch))
    assert made.modality.load_processor(saved)


def test_others_leave_its_encoder_alone(made, encoder, saved):
    for name in NAMES:
        found = modality_class(name).adopt(encoder, saved, "made up")
        if name != made.modality.name:
            assert found is None
        elif found is not None:
            settings, _ = found
            assert pair(modality=name, **settings).task.name in task_names()


def test_features_do_not_depend_on_the_batch_or_the_weather(made, encoder):
    done: list[int] = []
    features = made.modality.embed(encoder, made.prepared, made.inputs, nullcontext, done.append)
    assert sum(done) == ROWS
    torch.manual_seed(7)
    few = made.modality.embed(encoder, made.prepared, made.inputs[40:43], nullcontext)
    turned = made.modality.embed(encoder, made.prepared, made.inputs[::-1], nullcontext)
    assert list(features) == list(few) == list(turned)
    for name, table in features.items():
        assert table.shape[0] == ROWS
        assert table.dtype == np.float32
        assert np.allclose(table[40:43], few[name], atol=1e-4)
        assert np.allclose(table[::-1], turned[name], atol=1e-4)
    assert list(features.values())[-1].shape[1] == encoder.config.hidden_size


def test_the_classifier_learns(made, encoder, saved):
    modality, prepared = made.modality, made.prepared
    model = modality.classifier(prepared, ["a", "b", "c"], 0, saved, trained=True)
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    mine, theirs = model.base_model.state_dict(), encoder.state_dict()
    shared = [name for name in mine if name in theirs and "pool" not in name]
    assert shared
    assert all(torch.equal(mine[name], theirs[name]) for name in shared)
    new = modality.classifier(prepared, ["a", "b", "c"], 1, saved, trained=False)
    assert not same(new.state_dict(), model.state_dict())
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 0, 0])
    samples = [dataclasses.replace(made.samples[place], label=int(label)) for place, label in enumerate(labels)]
    batch = modality.augmented(modality.collate(samples), None, prepared)
    optimizer = torch.optim.SGD([parameter for parameter in model.parameters() if parameter.requires_grad], lr=1e-4)
    losses = []
    for _ in range(2):
        loss = cross_entropy(model.train()(**batch).logits, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert last_layer(model).out_features == 3
    learn_last_layer(model, prepared, samples)
    found = predict(model, prepared, samples)
    assert found.shape == (12,)
    assert set(found) <= {0, 1, 2}


def test_baselines_are_learned_from_the_bank_alone(made):
    names = [baseline.name for baseline in made.modality.baselines(0)]
    assert len(set(names)) == len(names) >= 1
    for number, baseline in enumerate(made.modality.baselines(0)):
        baseline.fit(made.inputs[:40])
        many, few = baseline.encode(made.inputs), baseline.encode(made.inputs[50:53])
        assert list(many) == list(few)
        fresh = made.modality.baselines(0)[number]
        if baseline.on_map:  # what it learned can be kept: arrays, and JSON
            fresh.arrays = {name: np.asarray(array).copy() for name, array in baseline.arrays.items()}
            fresh.settings = json.loads(json.dumps(baseline.settings))
        else:
            fresh.fit(made.inputs[:40])
        again = fresh.encode(made.inputs[50:53])
        for name, features in many.items():
            assert features.shape[0] == ROWS
            for other in (few[name], again[name]):
                assert np.allclose(dense(features)[50:53], dense(other), atol=1e-4)


def dense(features: Any) -> np.ndarray:
    return features.toarray() if hasattr(features, "toarray") else np.asarray(features)
