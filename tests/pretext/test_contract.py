"""What every pretext task promises, on every modality that it goes with."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import BLOCKS, batch_of, inputs_of, learned, needs_of

from hf_ssl.data.rows import Block
from hf_ssl.modalities.images.encoders import STEM
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import Part
from hf_ssl.pretext.pairing import modalities_of, pair, task_class, task_names
from hf_ssl.pretext.parts.embedder import kept
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.optimizers import build_optimizers


def cases() -> list[tuple[str, str, dict]]:
    """Task, modality, settings: each task's own test says which; without a modality it is the task's first."""
    found = []
    for name in task_names():
        for case in importlib.import_module(f"pretext.test_{name}").CASES:
            modality = case.get("modality", modalities_of(task_class(name))[0])
            found.append((name, modality, {flag: value for flag, value in case.items() if flag != "modality"}))
    return found


CASES = cases()


def title(case) -> str:
    name, modality, settings = case
    return "-".join([name, modality, *[str(value) for value in settings.values() if not isinstance(value, int)]])


@pytest.fixture(scope="module", params=CASES, ids=title)
def made(request):
    name, modality, settings = request.param
    pairing, block = pair(name, modality, **settings), BLOCKS[modality](200)
    return pairing.task, learned(pairing, block), block


def corrupted(task, prepared, block, rows=8, first=0, progress=1.0):
    return task.corrupt(
        batch_of(task, prepared, block, rows, first), torch.arange(first, first + rows), prepared, progress
    )


def test_corrupt_is_pure(made):
    task, prepared, block = made
    batch = batch_of(task, prepared, block)
    before = {name: tensor.clone() for name, tensor in batch.items()}
    first, second = (task.corrupt(batch, torch.arange(8), prepared, 0.1) for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(batch[name], before[name]) for name in batch)
    other = task.corrupt(batch, torch.arange(8) + 100, prepared, 0.1)
    same = all(torch.equal(first[name], other[name]) for name in first)
    assert same == task.causal  # the next token is the next token, whatever is drawn


def rows_of(inputs: dict[str, torch.Tensor], rows: int) -> dict[str, torch.Tensor]:
    """What belongs to each row: (rows, views of it, ...); what has another first dimension is left out."""
    return {
        name: tensor.unflatten(0, (-1, rows)).transpose(0, 1).double()
        for name, tensor in inputs.items()
        if len(tensor) in (rows, 2 * rows)
    }


def test_a_sample_is_hidden_alike_in_whatever_batch_it_comes(made):
    task, prepared, block = made
    whole = rows_of(corrupted(task, prepared, block), 8)
    last = rows_of(corrupted(task, prepared, block, rows=4, first=4), 4)
    alone = rows_of(corrupted(task, prepared, block, rows=1, first=6), 1)
    assert {"pixel_values", "input_ids"} & set(whole)
    for name, tensor in whole.items():
        for found, expected in ((last.get(name), tensor[4:]), (alone.get(name), tensor[6:7])):
            if found is not None and found.shape == expected.shape:  # a flat list of targets may have any length
                assert torch.allclose(found, expected, atol=1e-6), name


def test_labels_are_never_seen(made):
    task, prepared, block = made
    assert not task.needs_labels
    table = block.table
    without = Block(block.shard, block.rows, table.drop_columns(["label"]))
    wrong = Block(block.shard, block.rows, table.set_column(1, "label", table["label"].take(np.arange(200)[::-1])))
    expected = corrupted(task, prepared, block)
    for other in (without, wrong):
        found = corrupted(task, prepared, other)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    encoder = prepared.modality.row_encoder(prepared, needs_of(task))
    assert all(sample.label is None for sample in encoder.encode(block, [])[0])
    assert "label" not in prepared.modality.reader().columns
    for method in (prepared.modality.row_encoder, prepared.modality.reader, task.corrupt, task.survey):
        assert "label" not in "".join(inspect.signature(method).parameters)


def test_what_is_prepared_does_not_depend_on_labels(made):
    task, prepared, block = made
    without = Block(block.shard, block.rows, block.table.drop_columns(["label"]))
    fresh = replace(prepared.modality, **dict.fromkeys(column_flags(prepared.modality)))
    again = learned(type("Pairing", (), {"task": task, "modality": fresh}), without)
    assert again.statistics.keys() == prepared.statistics.keys()
    assert all(torch.equal(again.statistics[name], value) for name, value in prepared.statistics.items())


def column_flags(modality) -> list[str]:
    return [name for name in modality.reading if name.endswith("_column")]


def test_the_loss_is_finite_and_falls(made):
    task, prepared, block = made
    model = task.model(prepared, 0).train()
    optimizers = build_optimizers(model, TrainingArguments(learning_rate=0.01), torch.float32)
    losses = []
    for _ in range(20):
        loss = task.loss(model, corrupted(task, prepared, block))["loss"]
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        task.after_step(model, 0.5)
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.05  # pixels are slow to learn


def test_the_loss_is_the_mean_over_the_targets(made):
    """The loop weighs the parts of a batch by their targets: together they are the batch, if samples are not compared."""
    task, prepared, block = made
    model = task.model(prepared, 0).eval()
    parts = [Part(corrupted(task, prepared, block, rows, first), rows) for rows, first in ((8, 0), (4, 0), (4, 4))]
    with torch.no_grad():
        results = [task.loss(model, part.inputs) for part in parts]
    whole, *halves = [float(result["loss"]) for result in results]
    if not task.needs_whole_batch:
        shares = [part.targets / parts[0].targets for part in parts[1:]]
        assert sum(shares) == pytest.approx(1)
        assert sum(share * loss for share, loss in zip(shares, halves, strict=True)) == pytest.approx(whole, abs=1e-4)
    if "logits" in results[0]:
        labels = (results[0] | parts[0].inputs)["labels"]
        assert len(results[0]["logits"]) == len(labels)
        assert not results[0]["logits"].requires_grad


def test_the_figure_that_needs_no_model_is_there(made):
    task, prepared, block = made
    model = task.model(prepared, 0).eval()
    part = Part(corrupted(task, prepared, block), 8)
    with torch.no_grad():
        result = task.loss(model, part.inputs)
    score = {"loss": float(result["loss"])} | ({"accuracy": 0.5} if "logits" in result else {})
    figures = task.heldout_figures(score, [part], prepared)
    key, words = task.baseline
    assert {"loss", key} <= set(figures)
    assert all(isinstance(value, float) and np.isfinite(value) for value in figures.values())
    assert words
    assert figures["loss"] == score["loss"]


def test_the_model_is_a_function_of_the_seed(made):
    task, prepared, _ = made
    torch.manual_seed(1)
    first, second, other = (task.model(prepared, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_saving_and_loading_loses_nothing(made, tmp_path):
    task, prepared, _ = made
    model = kept(task.model(prepared, 0)).eval()
    model.save_pretrained(tmp_path)
    loaded, information = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not information["missing_keys"]
    assert not information["unexpected_keys"]
    saved, found = model.state_dict(), loaded.state_dict()
    assert list(saved) == list(found)
    assert all(torch.equal(saved[name], found[name]) for name in saved)


def test_an_untrained_twin_has_the_same_shape_and_other_weights(made, tmp_path):
    """Also of a model that began with a checkpoint that is no more: its saved configuration is enough."""
    task, prepared, _ = made
    model = task.model(prepared, 0)
    kept(model).save_pretrained(tmp_path)
    began = replace(prepared, modality=replace(prepared.modality, **started_from(prepared.modality)))
    for source in (prepared, began):
        twin = task.model(source.like(tmp_path), 1).base_model.state_dict()
        own = model.base_model.state_dict()
        assert {name: value.shape for name, value in twin.items()} == {name: value.shape for name, value in own.items()}
        assert any(not torch.equal(twin[name], own[name]) for name in own)
        if "stem.weight" in own:  # fixed filters are the data's
            assert torch.equal(twin["stem.weight"], prepared.statistics[STEM])


def started_from(modality) -> dict:
    """Flags of a run that began with a checkpoint, where there are such runs."""
    static = getattr(modality, "text_encoder", "transformer") == "static"
    return {} if static else {"model_name_or_path": "a/checkpoint that is no more"}


def test_what_was_prepared_is_read_back(made, tmp_path):
    task, prepared, block = made
    prepared.save(tmp_path)
    again = prepared.modality.load_prepared(tmp_path)
    assert isinstance(again, Prepared)
    assert prepared.statistics.keys() == again.statistics.keys()
    assert all(torch.equal(prepared.statistics[name], again.statistics[name]) for name in again.statistics)
    before, after = corrupted(task, prepared, block), corrupted(task, again, block)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_features_do_not_depend_on_the_batch_or_the_weather(made):
    task, prepared, block = made
    model = task.model(prepared, 0)
    inputs = inputs_of(prepared.modality, block)[:20]
    features = prepared.modality.embed(model, prepared, inputs, torch.no_grad)
    torch.manual_seed(7)
    few = prepared.modality.embed(model, prepared, inputs[:3], torch.no_grad)
    for name, table in features.items():
        assert table.shape[0] == 20
        assert table.dtype == np.float32
        assert np.allclose(table[:3], few[name], atol=1e-4)
