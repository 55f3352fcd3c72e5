"""One optimizer step: hide, predict, go back, move."""

import contextlib
import math

import torch
from accelerate import Accelerator
from torch import Tensor

from hf_ssl.data.batches import Batch
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.training.processes import total


class NotFiniteError(Exception):
    """Loss or gradient is not a finite number; nothing was changed by the step."""


def corrupt(
    task: PretextTask, prepared: Prepared, batch: Batch, pieces: int, progress: float, device: torch.device
) -> list[dict[str, Tensor]]:
    """The share of this process with something hidden, in the pieces of gradient accumulation, on the device."""
    inputs = {name: tensor.to(device) for name, tensor in task.collate(batch.samples).items()}
    keys = torch.tensor(batch.keys, device=device)
    chunks = [
        dict(zip(inputs, values, strict=True))
        for values in zip(*(v.chunk(pieces) for v in inputs.values()), strict=True)
    ]
    return [task.corrupt(chunk, key, prepared, progress) for chunk, key in zip(chunks, keys.chunk(pieces), strict=True)]


def take_step(
    task: PretextTask,
    model: torch.nn.Module,
    optimizers: list[torch.optim.Optimizer],
    parts: list[dict[str, Tensor]],
    clipping: float,
    accelerator: Accelerator,
) -> tuple[float, float]:
    """Move the parameters by the mean gradient over all targets of the global batch.

    Args:
        task: gives the loss.
        model: as prepared by the accelerator.
        optimizers: all of them take a step.
        parts: corrupted inputs of this process.
        clipping: largest norm of the gradient.
        accelerator: device, processes, precision.

    Returns:
        The mean loss over all targets of the global batch, and the norm of its gradient.

    Raises:
        NotFiniteError: before anything is changed.
    """
    targets = total(sum(_targets(part) for part in parts), accelerator)
    loss = 0.0
    for number, part in enumerate(parts, start=1):
        # Processes exchange gradients after the last part only.
        with contextlib.nullcontext() if number == len(parts) else accelerator.no_sync(model):
            with accelerator.autocast():  # large products of the loss itself, too
                mean = task.loss(model, part)["loss"]
            share = _targets(part) / targets
            # Processes average their gradients; times their number it is a sum of shares.
            accelerator.backward(mean * (share * accelerator.num_processes))
        loss += mean.item() * share
    loss = total(loss, accelerator)
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), clipping))
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise NotFiniteError(f"loss {loss}, gradient norm {norm}")
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss, norm


def _targets(part: dict[str, Tensor]) -> int:
    return len(part["labels"] if "labels" in part else next(iter(part.values())))
