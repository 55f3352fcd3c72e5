"""What every pretext task promises."""

import inspect

import numpy as np
import pyarrow as pa
import pytest
import torch
from conftest import sentences

from hf_ssl.data.stream import Block
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.training.optimizers import build_optimizers

TASKS = {"masked_language": MaskedLanguage(sequence_length=32, vocabulary_size=400, model_size="tiny")}


@pytest.fixture(scope="module", params=TASKS)
def prepared(request):
    task = TASKS[request.param]
    texts, labels = sentences(200)
    processor = task.processor(texts)
    block = Block(0, np.arange(200), pa.table({"text": texts, "label": labels}))
    return task, processor, block


def batch_of(task, processor, block, rows=8):
    samples, _, _ = task.encoder(processor).encode(block, [])
    return task.corrupt(task.collate(samples[:rows]), torch.arange(rows), processor)


def test_corrupt_is_pure(prepared):
    task, processor, block = prepared
    samples, _, _ = task.encoder(processor).encode(block, [])
    batch = task.collate(samples[:8])
    before = {name: tensor.clone() for name, tensor in batch.items()}
    first, second = (task.corrupt(batch, torch.arange(8), processor) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(batch[name], before[name]) for name in batch)


def test_labels_are_never_seen(prepared):
    task, processor, block = prepared
    without = Block(block.shard, block.rows, block.table.drop_columns(["label"]))
    with_labels, alone = batch_of(task, processor, block), batch_of(task, processor, without)
    assert all(torch.equal(with_labels[name], alone[name]) for name in alone)
    assert "label" not in "".join(inspect.signature(task.encoder).parameters)


def test_the_loss_is_finite_and_falls(prepared):
    task, processor, block = prepared
    model = task.model(processor, np.zeros(len(processor), np.int64), 0)
    optimizers = build_optimizers(model, "muon", 0.01, 0.004, 0.0, torch.float32)
    losses = []
    for _ in range(12):
        loss = task.loss(model, batch_of(task, processor, block))["loss"]
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.5


def test_the_model_is_a_function_of_the_seed(prepared):
    task, processor, _ = prepared
    counts = np.zeros(len(processor), np.int64)
    torch.manual_seed(1)
    first = task.model(processor, counts, 0).state_dict()
    second = task.model(processor, counts, 0).state_dict()
    other = task.model(processor, counts, 1).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_saving_and_loading_loses_nothing(prepared, tmp_path):
    task, processor, block = prepared
    model = task.model(processor, np.zeros(len(processor), np.int64), 0).eval()
    model.save_pretrained(tmp_path)
    loaded, information = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert not information["unexpected_keys"]
    batch = batch_of(task, processor, block)
    with torch.no_grad():
        assert task.loss(loaded.eval(), batch)["loss"].item() == pytest.approx(
            task.loss(model, batch)["loss"].item(), abs=1e-5
        )
