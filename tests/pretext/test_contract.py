"""What every pretext task promises."""

import dataclasses
import importlib
import inspect
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from conftest import ROOT, SMALL, SMALL_IMAGES, image_block, pretrain, sentences

from hf_ssl.data.stream import Block
from hf_ssl.modalities.images import ImageTask
from hf_ssl.modalities.text import TextTask
from hf_ssl.pretext.base import Prepared
from hf_ssl.pretext.tasks import task_class, task_names
from hf_ssl.training.optimizers import build_optimizers

CASES = [
    (name, settings)
    for name in task_names()
    for settings in importlib.import_module(f"pretext.test_{name}").CASES  # each task's own test says which
]


def title(case) -> str:
    return "-".join([case[0], *map(str, list(case[1].values())[1:])])


def test_every_task_is_here_and_has_its_three_files():
    for name in task_names():
        assert (ROOT / "hf_ssl" / "pretext" / f"{name}.py").exists()
        assert (ROOT / "tests" / "pretext" / f"test_{name}.py").exists()
        assert (ROOT / "model_cards" / f"{name}.md").exists()


def block_for(task) -> Block:
    if isinstance(task, ImageTask):
        return image_block(200)
    texts, labels = sentences(200)
    return Block(0, np.arange(200), pa.table({"text": texts, "label": labels}))


@pytest.fixture(scope="module", params=CASES, ids=title)
def made(request):
    name, settings = request.param
    task = task_class(name)(**settings)
    block = block_for(task)
    task = task.for_columns(block.table, "made up")
    return task, task.prepare([value for _, value in task.reader().read(block)[0]]), block


def batch_of(task, prepared, block, rows=8, first=0):
    samples, _, _ = task.encoder(prepared).encode(block, [])
    return task.corrupt(task.collate(samples[first : first + rows]), torch.arange(first, first + rows), prepared)


def test_corrupt_is_pure(made):
    task, prepared, block = made
    samples, _, _ = task.encoder(prepared).encode(block, [])
    batch = task.collate(samples[:8])
    before = {name: tensor.clone() for name, tensor in batch.items()}
    first, second = (task.corrupt(batch, torch.arange(8), prepared, 0.1) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(batch[name], before[name]) for name in batch)
    other = task.corrupt(batch, torch.arange(8) + 100, prepared, 0.1)
    same = all(torch.equal(first[name], other[name]) for name in first)
    assert same == getattr(task, "causal", False)  # the next token is the next token, whatever is drawn


def test_a_sample_is_hidden_alike_in_whatever_batch_it_comes(made):
    task, prepared, block = made
    whole, last = batch_of(task, prepared, block), batch_of(task, prepared, block, rows=4, first=4)
    name = next(name for name in whole if len(whole[name]) == 8)
    assert torch.allclose(whole[name][4:].double(), last[name].double(), atol=1e-6)


def test_labels_are_never_seen(made):
    task, prepared, block = made
    without = Block(block.shard, block.rows, block.table.drop_columns(["label"]))
    with_labels, alone = batch_of(task, prepared, block), batch_of(task, prepared, without)
    assert all(torch.equal(with_labels[name], alone[name]) for name in alone)
    assert "label" not in "".join(inspect.signature(task.encoder).parameters)


def test_the_loss_is_finite_and_falls(made):
    task, prepared, block = made
    model = task.model(prepared, 0).train()
    optimizers = build_optimizers(model, "muon", 0.01, 0.004, 0.0, torch.float32)
    losses = []
    for _ in range(20):
        loss = task.loss(model, batch_of(task, prepared, block))["loss"]
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.05  # pixels are slow to learn


def test_the_model_is_a_function_of_the_seed(made):
    task, prepared, _ = made
    torch.manual_seed(1)
    first, second, other = (task.model(prepared, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_saving_and_loading_loses_nothing(made, tmp_path):
    task, prepared, _ = made
    model = task.product(task.model(prepared, 0)).eval()
    model.save_pretrained(tmp_path)
    loaded, information = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert not information["unexpected_keys"]
    saved, found = model.state_dict(), loaded.state_dict()
    assert list(saved) == list(found)
    assert all(torch.equal(saved[name], found[name]) for name in saved)


def test_what_was_prepared_is_read_back(made, tmp_path):
    task, prepared, block = made
    prepared.save(tmp_path)
    again = task.load_prepared(tmp_path)
    assert isinstance(again, Prepared)
    assert prepared.statistics.keys() == again.statistics.keys()
    before, after = batch_of(task, prepared, block), batch_of(task, again, block)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_features_do_not_depend_on_the_batch_or_the_weather(made):
    task, prepared, block = made
    model = task.model(prepared, 0)
    inputs = [value for _, value in task.reader().read(block)[0]][:20]
    features = task.embed(model, prepared, inputs, torch.no_grad)
    torch.manual_seed(7)
    few = task.embed(model, prepared, inputs[:3], torch.no_grad)
    for name, table in features.items():
        assert table.shape[0] == 20
        assert table.dtype == np.float32
        assert np.allclose(table[:3], few[name], atol=1e-4)


FIRST = dict(reversed(CASES))


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=title(c), marks=[] if FIRST[c[0]] is c[1] else [pytest.mark.endurance]) for c in CASES],
)
def test_stop_and_resume_equals_a_straight_run(case, images, parquet, tmp_path):
    name, settings = case
    flags = [f"--{flag}={value}" for flag, value in settings.items()]
    text = issubclass(task_class(name), TextTask)
    small, data = (SMALL, parquet) if text else (SMALL_IMAGES, images)
    command = ["--task", name, *small, *flags, "--dataset_name", data, "--output_dir"]
    pretrain(*command, tmp_path / "straight", script="pretrain.py")
    pretrain(*command, tmp_path / "stopped", script="pretrain.py")
    cut_back(tmp_path / "stopped", step=8)
    pretrain(*command, tmp_path / "stopped", script="pretrain.py")
    straight, stopped = (log_of(tmp_path / run) for run in ("straight", "stopped"))
    assert straight == stopped
    figures = [json.loads((tmp_path / run / "results.json").read_text()) for run in ("straight", "stopped")]
    assert figures[0]["heldout"] == figures[1]["heldout"]
    assert figures[0]["features"] == figures[1]["features"]
    assert figures[0]["task"] == name
    assert dataclasses.is_dataclass(task_class(name))


def cut_back(folder: Path, step: int) -> None:
    """As if the run had been killed after a checkpoint."""
    (folder / "results.json").unlink()
    for path in (folder / "checkpoints").glob("step_*"):
        if int(path.name.split("_")[1]) > step:
            for file in path.iterdir():
                file.unlink()
            path.rmdir()


def log_of(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "data_seconds")} for line in lines]
