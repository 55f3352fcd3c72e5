"""Optimizers, learning-rate schedule, and optimizer state as named tensors; Muon (Jordan et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hf_ssl.training.arguments import TrainingArguments


def build_optimizers(model: Any, arguments: TrainingArguments, precision: torch.dtype) -> list[torch.optim.Optimizer]:
    """Return AdamW for everything, or Muon (Jordan et al. 2024) for the matrices of hidden layers and AdamW for the rest.

    Args:
        model: model to train.
        arguments: optimizer, settled learning rates, and weight decay (decoupled, of matrices only).
        precision: type of Muon's matrix products.
    """
    assert arguments.learning_rate is not None, "TrainingArguments.settled comes first"
    learning_rate, weight_decay = arguments.learning_rate, arguments.weight_decay
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding | nn.EmbeddingBag)}
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    tables |= {id(head.weight)} if head is not None else set()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [p for p in trained if p.ndim in (2, 4) and id(p) not in tables]  # including convolution kernels
    others = [p for p in trained if p.ndim not in (2, 4) or id(p) in tables]
    betas = (0.9, 0.98)
    if arguments.optimizer == "adamw":
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)]
    else:
        optimizers = []
        if matrices:
            optimizers.append(Muon(matrices, lr=learning_rate, weight_decay=weight_decay, precision=precision))
        if others:
            optimizers.append(
                torch.optim.AdamW(
                    others, lr=arguments.embedding_learning_rate, betas=betas, weight_decay=0.0, fused=True
                )
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
    """Return the learning-rate factor at a step (from 0): linear warmup, constant, linear decay to nearly 0.

    It depends on the step alone, so there is no scheduler state (Hu et al. 2024, MiniCPM).
    """
    up = (step + 1) / max(1.0, warmup_share * max_steps)
    down = (max_steps - step) / max(1.0, decay_share * max_steps)
    return min(1.0, up, down)


def optimizer_tensors(optimizers: Iterable[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Return all state as {"optimizer.parameter.name": tensor}, without rates, which follow from the step."""
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


# Coefficients of the quintic iteration: steep at 0, so that small singular values grow fast (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
OBLONG = 2  # as many times longer than wide, a matrix is orthogonalised through its small Gram matrix


class Muon(torch.optim.Optimizer):
    """Muon as in `torch.optim.Muon`, with a configurable precision of the iteration.

    torch always rounds to bfloat16, which amplifies last-bit differences between one process and two to loss
    differences above 1e-5 within ten steps.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        """Set matrices, their peak rate, decoupled weight decay, Nesterov momentum and the precision."""
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "precision": precision}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override] # no closure, no loss
        """Update every matrix that has a gradient; those of one shape together, which spares an accelerator small products."""
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(parameter.shape, []).append(parameter)
            for parameters in alike.values():
                self._move(parameters, group)

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Update matrices of one shape."""
        matrices = []
        for parameter in parameters:
            state, gradient = self.state[parameter], parameter.grad
            assert gradient is not None, "only those with a gradient move"
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
            average = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
            # Convolution kernels become a matrix of output channels by the inputs of each.
            matrices.append(gradient.lerp(average, group["momentum"]).flatten(1))
        rows, columns = matrices[0].shape
        together = orthogonal(torch.stack(matrices), group["precision"])
        for parameter, direction in zip(parameters, together, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(direction.view(parameter.shape), alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrices: Tensor, precision: torch.dtype) -> Tensor:
    """Return nearly the closest matrices with orthonormal rows or columns: their singular values are about 0.7 to 1.2.

    Args:
        matrices: shape (matrices, rows, columns).
        precision: type of the products.

    Returns:
        The same shape and type as ``matrices``.
    """
    wide = matrices.shape[1] <= matrices.shape[2]
    x = (matrices if wide else matrices.mT).to(precision)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    small = precision == torch.float32 and x.shape[2] >= OBLONG * x.shape[1]
    x = _through_gram(x) if small else _step_by_step(x)
    return (x if wide else x.mT).to(matrices.dtype)


def _step_by_step(x: Tensor) -> Tensor:
    first, second, third = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=second, alpha=third), x, beta=first)
    return x


def _through_gram(x: Tensor) -> Tensor:
    """Return the same, up to rounding: polynomials of one Gram matrix commute, so only small square products are iterated."""
    first, second, third = QUINTIC
    gram = x @ x.mT
    unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    applied = unit.expand_as(gram)
    for _ in range(ITERATIONS):
        polynomial = torch.baddbmm(gram, gram, gram, beta=second, alpha=third) + first * unit
        applied = polynomial @ applied
        gram = polynomial @ gram @ polynomial
    return applied @ x
