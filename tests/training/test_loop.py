"""The loop with a tiny task: the hook after a step, labels for those tasks that say so, and what is logged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from hf_ssl.common.run_folder import RunFolder
from hf_ssl.data.batches import MemorySource, Place
from hf_ssl.data.stream import Sample
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import PretextTask
from hf_ssl.training.accelerator import build_accelerator
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.loop import Training


@dataclass(frozen=True)
class Doubling(PretextTask):
    """Predict twice the input; a moving average of the weights follows the model (as a teacher would)."""

    tag: ClassVar[str] = "doubling"
    baseline: ClassVar[tuple[str, str]] = ("loss", "nothing")

    seen: list[tuple[Any, float]] = field(default_factory=list)  # what the hook was called with

    def corrupt(self, batch, keys, prepared, progress=1.0):
        return {"inputs": batch["value"], "wanted": 2 * batch["value"]}

    def model(self, prepared, seed):
        torch.manual_seed(seed)
        model = torch.nn.Module()
        model.layer = torch.nn.Linear(1, 1)
        model.register_buffer("average", torch.zeros(1, 1))
        model.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        model.forward = lambda inputs: model.layer(inputs)
        return model

    def loss(self, model, batch):
        return {"loss": (model.layer(batch["inputs"]) - batch["wanted"]).square().mean()}

    def after_step(self, model, progress):
        self.seen.append((model, progress))
        model.average.lerp_(model.layer.weight.detach(), 0.1)
        model.calls += 1

    def heldout_figures(self, score, parts, prepared):
        return score


@dataclass(frozen=True)
class Naming(Doubling):
    """Takes labels, and says so."""

    needs_labels: ClassVar[bool] = True

    def corrupt(self, batch, keys, prepared, progress=1.0):
        return {"inputs": batch["value"], "wanted": batch["labels"][:, None].float()}


def collate(samples):
    return {"value": torch.tensor(np.array([sample.values["value"] for sample in samples]))}


PREPARED = Prepared(SimpleNamespace(collate=collate), None)
VALUES = np.linspace(-1, 1, 24, dtype=np.float32)
SAMPLES = [Sample({"value": VALUES[n : n + 1]}, np.array([[0, n, 0, 1]]), label=int(VALUES[n] > 0)) for n in range(24)]


def training(task, folder, steps=12, samples=SAMPLES, **flags) -> Training:
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=steps, batch_size=8, optimizer="adamw", learning_rate=0.05, save_steps=5,
        mixed_precision="no", **flags,
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    accelerator = build_accelerator(arguments, 60.0)
    source = MemorySource(samples, 8, 0)
    return Training(task, PREPARED, task.model(PREPARED, 0), source, arguments, accelerator, RunFolder(folder, {}))


@pytest.mark.parametrize("accumulated", [1, 2])
def test_the_hook_is_called_once_a_step_with_the_model(tmp_path, accumulated):
    task = Doubling()
    whole = training(task, tmp_path / "run", gradient_accumulation_steps=accumulated)
    whole.run()
    assert [progress for _, progress in task.seen] == [step / 12 for step in range(12)]
    assert all(model is whole.model for model, _ in task.seen)
    assert whole.model.calls == 12
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_it_is_called_after_the_optimizer_moved_the_parameters(tmp_path):
    task = Doubling()
    whole = training(task, tmp_path / "run", steps=1)
    before = whole.model.layer.weight.detach().clone()
    whole.run()
    moved = whole.model.layer.weight.detach()
    assert not torch.equal(moved, before)
    assert torch.allclose(whole.model.average, 0.1 * moved)
    assert not torch.allclose(whole.model.average, 0.1 * before, atol=1e-4)


def test_what_the_hook_changed_is_saved_and_goes_on_after_a_stop(tmp_path):
    straight, killed, resumed = (Doubling() for _ in range(3))
    whole = training(straight, tmp_path / "straight")
    whole.run()
    first = training(killed, tmp_path / "killed")

    def stop(_model, _progress):
        if len(killed.seen) == 8:
            raise KeyboardInterrupt  # after the step, before anything is logged
        Doubling.after_step(killed, _model, _progress)

    object.__setattr__(killed, "after_step", stop)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    again = training(resumed, tmp_path / "killed")
    assert again.resume().state["step"] == 5
    again.run()
    assert [progress for _, progress in resumed.seen] == [step / 12 for step in range(5, 12)]
    assert again.model.calls == whole.model.calls == 12
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


def test_without_a_hook_of_its_own_a_task_changes_nothing(tmp_path):
    """The negative control: the average above is the hook's doing."""

    class Plain(Doubling):
        after_step = PretextTask.after_step

    whole = training(Plain(), tmp_path / "run")
    whole.run()
    assert whole.model.calls == 0
    assert whole.model.average == 0


def test_only_a_task_that_says_so_is_given_labels(tmp_path):
    """Whatever the labels are, a task without them ends in the same weights."""
    flipped = [Sample(sample.values, sample.spans, 1 - sample.label) for sample in SAMPLES]
    models = {}
    for task in (Doubling, Naming):
        for name, samples in (("right", SAMPLES), ("flipped", flipped)):
            found = training(task(), tmp_path / f"{task.__name__} {name}", samples=samples)
            found.run()
            models[task.__name__, name] = found.model.layer.weight.item()
    assert models["Doubling", "right"] == models["Doubling", "flipped"]
    assert models["Naming", "right"] != models["Naming", "flipped"]
    unlabelled = [Sample(sample.values, sample.spans) for sample in SAMPLES]
    found = training(Doubling(), tmp_path / "unlabelled", samples=unlabelled)
    found.run()
    assert found.model.layer.weight.item() == models["Doubling", "right"]


def test_every_sample_in_memory_comes_once_an_epoch_and_the_order_follows_from_the_seed(tmp_path):
    def rows(seed, begin=0, process=0, processes=1):
        batches = MemorySource(SAMPLES, 8, seed).batches(Place(begin), process, processes)
        return [sorted(int(s.spans[0, 1]) for s in next(batches).samples) for _ in range(3)]

    first = rows(0)
    assert sorted(row for each in first for row in each) == list(range(24))
    assert first == rows(0) != rows(1)
    assert rows(0, begin=1)[:2] == first[1:]
    halves = [rows(0, process=process, processes=2) for process in range(2)]
    assert [sorted(a + b) for a, b in zip(*halves, strict=True)] == first
