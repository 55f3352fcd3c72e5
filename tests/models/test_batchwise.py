"""What looks at all processes' samples: one process and two give the same gradients."""

import torch
import torch.multiprocessing as multiprocessing
from conftest import image_batch

from hf_ssl.models.batchwise import Standardise
from hf_ssl.pretext.contrastive import Contrastive


def gradients(rank: int, processes: int, store: str, results) -> None:
    torch.set_num_threads(1)
    if processes > 1:
        torch.distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=processes)
    task, prepared, batch = image_batch(Contrastive(image_size=16), rows=8)
    views = task.corrupt(batch, torch.arange(8), prepared)
    model = task.model(prepared, 0).train()
    mine = {name: view[rank::processes] for name, view in views.items()}
    loss = task.loss(model, mine)["loss"]
    loss.backward()
    flat = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    if processes > 1:  # what DistributedDataParallel does
        torch.distributed.all_reduce(flat)
        flat /= processes
        total = loss.detach().clone()
        torch.distributed.all_reduce(total)
        loss = total / processes
        torch.distributed.destroy_process_group()
    if rank == 0:
        results["loss"], results["gradients"] = float(loss.detach()), flat.numpy()


def test_two_processes_compare_all_views_and_agree_with_one(tmp_path):
    with multiprocessing.Manager() as manager:
        alone, together = manager.dict(), manager.dict()
        multiprocessing.spawn(gradients, (1, "", alone), nprocs=1)
        multiprocessing.spawn(gradients, (2, str(tmp_path / "store"), together), nprocs=2)
        assert abs(alone["loss"] - together["loss"]) < 1e-5
        difference = abs(alone["gradients"] - together["gradients"]).max()
        assert difference < 1e-5 * max(1, abs(alone["gradients"]).max())


def test_standardised_features_have_mean_0_and_deviation_1():
    features = torch.randn(64, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    found = Standardise()(features)
    assert torch.allclose(found.mean(0), torch.zeros(5), atol=1e-5)
    assert torch.allclose(found.std(0, correction=0), torch.ones(5), atol=1e-2)
