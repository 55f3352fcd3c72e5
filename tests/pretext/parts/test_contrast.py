"""Views are compared over all processes: one and two give the same gradients, with both losses."""

from __future__ import annotations

import math

import pytest
import torch
import torch.multiprocessing as multiprocessing
from conftest import made_batch
from torch.nn.functional import normalize

from hf_ssl.pretext.parts.contrast import SHORT, Standardise, chance, contrast

CASES = {
    "all views": ("images", {"image_size": 16}),
    "the other side": ("images", {"image_size": 16, "all_views": False}),
    "crops of text": ("text", {"sequence_length": 64, "vocabulary_size": 400, "embedding_size": 32}),
}


def gradients(case: str, rank: int, processes: int) -> tuple[float, torch.Tensor]:
    """The loss of a case and its gradient, as DistributedDataParallel would share it."""
    modality, settings = CASES[case]
    task, prepared, batch = made_batch("contrastive", modality, 8, **settings)
    mine = {name: tensor[rank::processes] for name, tensor in batch.items()}
    views = task.corrupt(mine, torch.arange(8)[rank::processes], prepared)
    model = task.model(prepared, 0).train()
    loss = task.loss(model, views)["loss"]
    loss.backward()
    shared = torch.cat([loss.detach()[None], *[p.grad.flatten() for p in model.parameters() if p.grad is not None]])
    if processes > 1:
        torch.distributed.all_reduce(shared)
    shared /= processes
    return float(shared[0]), shared[1:]


def work(rank: int, processes: int, store: str, results) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=processes)
    for case in CASES:
        loss, gradient = gradients(case, rank, processes)
        if rank == 0:
            results[case] = loss, gradient.numpy()
    torch.distributed.destroy_process_group()


def test_two_processes_compare_all_views_and_agree_with_one(tmp_path):
    with multiprocessing.Manager() as manager:
        together = manager.dict()
        multiprocessing.spawn(work, (2, str(tmp_path / "store"), together), nprocs=2)
        found = dict(together)
    for case in CASES:
        loss, gradient = gradients(case, 0, 1)
        assert abs(loss - found[case][0]) < 1e-5, case
        difference = abs(gradient.numpy() - found[case][1]).max()
        assert difference < 1e-5 * max(1, gradient.abs().max()), case
        assert gradient.abs().max() > 1e-3, case


def test_standardised_features_have_mean_0_and_deviation_1():
    features = torch.randn(64, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    found = Standardise()(features)
    assert torch.allclose(found.mean(0), torch.zeros(5), atol=1e-5)
    assert torch.allclose(found.std(0, correction=0), torch.ones(5), atol=1e-2)


@pytest.mark.parametrize("all_views", [True, False])
@pytest.mark.parametrize("width", [SHORT, SHORT + 1])
def test_the_labels_are_the_places_of_the_other_views(all_views, width):
    first = torch.randn(7, width, generator=torch.Generator().manual_seed(0))
    views = torch.cat([first, first * 2])  # of the same direction
    found = contrast(views, 0.1, training=False, all_views=all_views)
    assert found["logits"].shape == (7, 14 if all_views else 7)
    assert found["labels"].tolist() == [row + (7 if all_views else 0) for row in range(7)]
    assert found["logits"].argmax(1).tolist() == found["labels"].tolist()
    assert not found["logits"].requires_grad
    cosines = normalize(first, dim=1) @ normalize(views if all_views else first, dim=1).T
    if all_views:
        cosines[range(7), range(7)] = float("-inf")  # a view is not compared with itself
    assert torch.allclose(found["logits"], cosines / 0.1, atol=1e-4)


@pytest.mark.parametrize("all_views", [True, False])
def test_views_that_are_all_alike_score_chance(all_views):
    loss = contrast(torch.ones(10, 8), 0.2, training=False, all_views=all_views)["loss"].item()
    figures = chance(5, all_views)
    assert loss == pytest.approx(figures["chance_loss"], abs=1e-5)
    others = 9 if all_views else 5
    assert figures == {"chance_loss": pytest.approx(math.log(others)), "chance_accuracy": pytest.approx(1 / others)}


def test_a_single_row_has_nothing_to_be_told_from():
    for all_views in (True, False):
        assert contrast(torch.rand(2, 8), 0.2, training=False, all_views=all_views)["loss"].item() == 0
        assert chance(1, all_views) == {"chance_loss": 0.0, "chance_accuracy": 1.0}
