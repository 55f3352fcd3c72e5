"""Optimizers and the schedule; state moves in and out as named tensors."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hf_ssl.training.muon import Muon


def build_optimizers(
    model: Any,
    name: str,
    learning_rate: float,
    embedding_learning_rate: float,
    weight_decay: float,
    precision: torch.dtype,
) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon (Jordan et al. 2024) for the matrices of hidden layers and AdamW for the rest.

    Args:
        model: whose parameters are trained.
        name: "adamw" or "muon".
        learning_rate: peak of the named optimizer.
        embedding_learning_rate: with Muon, peak of AdamW for embeddings, the output layer, norms and biases.
        weight_decay: decoupled, of matrices only.
        precision: in which Muon multiplies.
    """
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding | nn.EmbeddingBag)}
    head = model.get_output_embeddings()
    tables |= {id(head.weight)} if head is not None else set()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [p for p in trained if p.ndim in (2, 4) and id(p) not in tables]  # with the kernels of convolutions
    others = [p for p in trained if p.ndim not in (2, 4) or id(p) in tables]
    betas = (0.9, 0.98)
    if name == "adamw":
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)]
    else:
        optimizers = []
        if matrices:
            optimizers.append(Muon(matrices, lr=learning_rate, weight_decay=weight_decay, precision=precision))
        if others:
            optimizers.append(
                torch.optim.AdamW(others, lr=embedding_learning_rate, betas=betas, weight_decay=0.0, fused=True)
            )
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["peak"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: Iterable[torch.optim.Optimizer], factor: float) -> None:
    """Set every group to ``factor`` times its peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor


def warmup_stable_decay(step: int, max_steps: int, warmup_share: float, decay_share: float) -> float:
    """Factor of the learning rate at a step (from 0): up in a line, level, down in a line to nearly 0.

    A function of the step alone, so that there is no scheduler state (Hu et al. 2024, MiniCPM).
    """
    up = (step + 1) / max(1.0, warmup_share * max_steps)
    down = (max_steps - step) / max(1.0, decay_share * max_steps)
    return min(1.0, up, down)


def optimizer_tensors(optimizers: Iterable[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """All optimizer state as {"optimizer.parameter.name": tensor}; rates follow from the step and are left out."""
    return {
        f"{number}.{index}.{name}": value
        for number, optimizer in enumerate(optimizers)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def load_optimizer_tensors(optimizers: Iterable[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` returned."""
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            owner, index, name = key.split(".", 2)
            if int(owner) == number:
                state.setdefault(int(index), {})[name] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
