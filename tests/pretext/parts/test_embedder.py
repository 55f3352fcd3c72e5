"""An encoder with a head that is thrown away, and samples with something hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from conftest import image_block, inputs_of, made_batch
from torch import nn

from hf_ssl.pretext.base import Part
from hf_ssl.pretext.contrastive import Contrastive
from hf_ssl.pretext.parts.embedder import HeadedEncoder, corrupted, kept

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def made():
    task, prepared, _ = made_batch("rotation", "images", image_size=16)
    samples = prepared.modality.as_samples(prepared, inputs_of(prepared.modality, image_block(200))[:6])
    return task, prepared, samples


def test_the_head_takes_what_is_read_out_of_the_encoder(made):
    _, prepared, _ = made
    encoder = prepared.modality.encoder(prepared, 0).eval()
    head = nn.Linear(encoder.config.hidden_size, 3)
    model = HeadedEncoder(encoder, head, prepared.modality.pool)
    pixels = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        pooled = prepared.modality.pool(encoder(pixel_values=pixels), {})
        assert torch.equal(model(pixel_values=pixels), head(pooled))
    assert kept(model) is encoder is model.base_model
    assert {name.split(".")[0] for name in model.state_dict()} == {"base_model", "head"}


def test_a_stock_model_is_kept_whole(made):
    task, prepared, _ = made
    model = task.model(prepared, 0)
    assert kept(model) is model
    assert model.base_model is not model


def test_keys_alone_decide_what_is_hidden(made):
    task, prepared, samples = made
    keys = [7, 7919, 2**62 + 1, 3, 4, 5]
    whole = corrupted(task, prepared, samples, keys, (CPU, 0.5))
    last = corrupted(task, prepared, samples[4:], keys[4:], (CPU, 0.5))
    assert (whole.rows, last.rows, whole.targets) == (6, 2, 6)
    assert torch.equal(whole.inputs["labels"][4:], last.inputs["labels"])
    assert torch.allclose(whole.inputs["pixel_values"][4:], last.inputs["pixel_values"], atol=1e-6)


def test_progress_reaches_the_task(made):
    _, prepared, samples = made
    sizes = [
        corrupted(Contrastive(), replace(prepared, modality=replace(prepared.modality, image_size=32)), samples,
                  range(6), (CPU, progress)).inputs["pixel_values"].shape[-1]
        for progress in (0.0, 1.0)
    ]  # fmt: skip
    assert sizes == [16, 32]


def test_only_a_task_that_says_so_is_given_labels(made):
    task, prepared, samples = made
    labelled = [replace(sample, label=number) for number, sample in enumerate(samples)]
    seen = {}

    @dataclass(frozen=True)
    class Watching(type(task)):
        def corrupt(self, batch, keys, prepared, progress=1.0):
            seen[self.needs_labels] = batch.get("labels")
            return {}

    class Learning(Watching):
        needs_labels = True

    for kind in (Watching, Learning):
        assert corrupted(kind(), prepared, labelled, range(6), (CPU, 1.0)) == Part({}, 6)
    assert seen[False] is None
    assert seen[True].tolist() == [0, 1, 2, 3, 4, 5]


def test_targets_are_labels_or_rows():
    assert Part({"labels": torch.zeros(9), "input_ids": torch.zeros(4, 8)}, 4).targets == 9
    assert Part({"pixel_values": torch.zeros(8, 3, 2, 2)}, 4).targets == 4
    moved = Part({"labels": torch.zeros(9)}, 4).to(torch.device("meta"))
    assert (moved.inputs["labels"].device.type, moved.rows) == ("meta", 4)
