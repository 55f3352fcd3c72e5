"""Muon: momentum, made orthogonal, for the matrices of hidden layers (Jordan et al. 2024)."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Coefficients of the quintic iteration: steep at 0, so that small singular values grow fast (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Muon as `torch.optim.Muon`, with the iteration in a precision of choice.

    torch's own always rounds to bfloat16, which turns the last-bit differences between one process and two into
    differences of the loss above 1e-5 within ten steps.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        """Name matrices, their peak rate, decoupled weight decay, Nesterov momentum and the precision."""
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "precision": precision}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override] # no closure, no loss
        """Move every matrix that has a gradient."""
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        average = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        # The kernels of a convolution are a matrix of outputs by everything an output looks at.
        matrix = gradient.lerp(average, group["momentum"]).flatten(1)
        direction = orthogonal(matrix, group["precision"]).view(parameter.shape)
        rows, columns = matrix.shape
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(direction, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor, precision: torch.dtype) -> Tensor:
    """Nearly the closest matrix with orthonormal rows or columns: singular values end between about 0.7 and 1.2.

    Args:
        matrix: shape (rows, columns).
        precision: of the products.

    Returns:
        The same shape and type as ``matrix``.
    """
    first, second, third = QUINTIC
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).to(precision)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=second, alpha=third), x, beta=first)
    return (x if wide else x.T).to(matrix.dtype)
