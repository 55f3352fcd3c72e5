"""Learning from labels: it learns what they say, keeps to its seed, starts from a probe, resumes where it was stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import SMALL, SMALL_IMAGES, pretrain, sentences, write_images
from kills import KilledError, kill_after

from hf_ssl.common.errors import UserError
from hf_ssl.runs import learn
from hf_ssl.runs.learn import Learner, labelled_samples
from hf_ssl.runs.pretrained import load_pretrained
from hf_ssl.training.classification import Classification, last_layer, predict

NAMES = ["garden", "kitchen", "harbour"]
STATIC = ["--task=contrastive", "--batch_size=64", "--embedding_size=32", "--sequence_length=64"]


@pytest.fixture(scope="module")
def static(parquet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "static"
    pretrain(*SMALL, *STATIC, "--dataset_name", parquet, "--output_dir", folder, script="pretrain.py")
    return load_pretrained(folder)


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "views"
    pictures = write_images(tmp_path_factory.mktemp("data") / "pictures", labelled=False)
    flags = ["--task=contrastive", *SMALL_IMAGES, "--max_steps=2", "--dataset_name", pictures]
    pretrain(*flags, "--output_dir", folder, script="pretrain.py")
    return load_pretrained(folder)


def taught(run, count=120, labels=None):
    """Made-up texts as labelled samples."""
    texts, topics = sentences(count)
    return labelled_samples(run, texts, np.array(topics if labels is None else labels))


def answers(model, run, seed=9):
    """What a classifier says of other texts, and what is right."""
    texts, labels = sentences(300, seed)
    return predict(model, run.prepared, run.modality.as_samples(run.prepared, texts)), np.array(labels)


def accuracy(model, run):
    found, truth = answers(model, run)
    return float((found == truth).mean())


@pytest.mark.slow
@pytest.mark.parametrize("from_scratch", [False, True])
def test_it_learns_what_the_labels_say(static, tmp_path, from_scratch):
    shuffled = np.random.default_rng(0).permutation(sentences(120)[1])
    learner = Learner(static, NAMES, 60, 64, 0, tmp_path / "right", from_scratch, rate=0.01)
    assert accuracy(learner.learn(taught(static)).model, static) > 0.9
    learner = replace(learner, folder=tmp_path / "shuffled")
    assert accuracy(learner.learn(taught(static, labels=shuffled)).model, static) < 0.6


@pytest.mark.slow
def test_the_last_layer_starts_as_a_probe(static, tmp_path):
    learned = Learner(static, NAMES, 60, 64, 0, tmp_path, rate=0.0).learn(taught(static))
    before = static.encoder.state_dict()
    assert before.keys() == learned.model.base_model.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in learned.model.base_model.state_dict().items())
    assert (learned.steps, learned.learning_rate) == (0, 0.0)
    assert accuracy(learned.model, static) > 0.6
    # A control: without labels that mean anything a probe is no better than chance.
    shuffled = np.random.default_rng(0).permutation(sentences(120)[1])
    other = Learner(static, NAMES, 60, 64, 0, tmp_path, rate=0.0).learn(taught(static, labels=shuffled))
    assert accuracy(other.model, static) < 0.6


@pytest.mark.slow
def test_the_rate_is_chosen_on_labels_that_were_held_back(static, tmp_path):
    first, again = (
        Learner(static, NAMES, 30, 64, 0, tmp_path / name).learn(taught(static)) for name in ("first", "again")
    )
    assert list(first.tried) == [0.0, 1e-3, 1e-2]
    assert first.tried == again.tried
    assert first.tried[first.learning_rate] == max(first.tried.values())
    assert first.cpu_seconds > 0
    few = Learner(static, NAMES, 5, 64, 0, tmp_path / "few").learn(taught(static)[:6])
    assert few.tried == {}
    assert few.learning_rate == 1e-3  # the lowest that moves anything
    scratch = Learner(static, NAMES, 5, 64, 0, tmp_path / "scratch", from_scratch=True).learn(taught(static)[:6])
    assert scratch.learning_rate == 1e-3


@pytest.mark.slow
def test_two_labels_and_labels_that_no_row_has(static, tmp_path):
    two = np.array(sentences(120)[1]) == 2
    learner = Learner(static, ["other", "harbour", "nobody"], 5, 64, 0, tmp_path, rate=0.0)
    found, truth = answers(learner.learn(taught(static, labels=two)).model, static)
    assert (found == (truth == 2)).mean() > 0.8
    assert set(found) == {0, 1}


def test_what_has_no_last_layer_is_refused():
    with pytest.raises(UserError, match="Module has no linear .*features can still be compared"):
        last_layer(torch.nn.Module())


def test_labels_go_to_the_loss_alone_and_images_are_augmented_by_their_keys(views):
    task = Classification(tuple(NAMES), str(views.model_folder))
    images = torch.randint(256, (6, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    batch, keys = {"image": images, "labels": torch.arange(6) % 3}, torch.arange(6)
    first, again, other = (task.corrupt(batch, each, views.prepared) for each in (keys, keys, keys + 6))
    assert torch.equal(first["labels"], batch["labels"])
    assert torch.equal(first["pixel_values"], again["pixel_values"])
    assert not torch.allclose(first["pixel_values"], other["pixel_values"])
    plain = views.modality.augmented({"image": images}, None, views.prepared)["pixel_values"]
    assert not torch.allclose(first["pixel_values"], plain)
    model = task.model(views.prepared, 0).eval()
    scores = model(pixel_values=first["pixel_values"]).logits
    expected = -scores.log_softmax(1)[torch.arange(6), batch["labels"]].mean()
    assert task.loss(model, first)["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize("steps", [10, 55, 95])  # in the first trial, in the second, in the last training
def test_what_was_killed_resumes_and_ends_in_the_same_weights(static, tmp_path, monkeypatch, from_scratch, steps):
    monkeypatch.setattr(learn, "SAVE_STEPS", 8)
    learner = Learner(static, NAMES, 40, 64, 0, tmp_path / "straight", from_scratch)
    straight = learner.learn(taught(static))
    assert straight.steps == 40
    learner = replace(learner, folder=tmp_path / "killed")
    with monkeypatch.context() as context:
        kill_after(context, steps)
        with pytest.raises(KilledError):
            learner.learn(taught(static))
    with monkeypatch.context() as context:
        taken = kill_after(context, 1000)
        resumed = learner.learn(taught(static))
    assert len(taken) == 120 - steps // 8 * 8  # only what was not saved
    assert resumed.tried == straight.tried
    for name, value in straight.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


@pytest.mark.slow
def test_another_seed_ends_in_other_weights(static, tmp_path):
    """The negative control: equality of weights says something."""
    first, other = (
        Learner(static, NAMES, 5, 64, seed, tmp_path / str(seed), rate=0.01).learn(taught(static)).model
        for seed in (0, 1)
    )
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
