"""One optimizer step: corrupt, predict, backpropagate, update; and reductions over processes."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from dataclasses import dataclass

import psutil
import torch
from accelerate import Accelerator

from hf_ssl.data.batches import Batch
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import Part, PretextTask
from hf_ssl.pretext.parts.embedder import corrupted


class NotFiniteError(Exception):
    """Loss or gradient is not finite; the step changed nothing."""


def corrupt(
    task: PretextTask, prepared: Prepared, batch: Batch, pieces: int, place: tuple[torch.device, float]
) -> list[Part]:
    """Return this process's share of the batch, corrupted and split for gradient accumulation.

    Args:
        task: corrupts the samples.
        prepared: the modality and what was learned from the first rows.
        batch: this process's share.
        pieces: number of parts.
        place: device, and share of the training that is done.
    """
    size = len(batch.samples) // pieces
    cuts = [slice(begin, begin + size) for begin in range(0, size * pieces, size)]
    return [corrupted(task, prepared, batch.samples[cut], batch.keys[cut], place) for cut in cuts]


@dataclass(frozen=True)
class Stepper:
    """What a step needs besides its inputs.

    Attributes:
        task: computes the loss.
        model: as prepared by the accelerator.
        optimizers: all of them take a step.
        clipping: maximum norm of the gradient.
        accelerator: device, processes, precision.
    """

    task: PretextTask
    model: torch.nn.Module
    optimizers: list[torch.optim.Optimizer]
    clipping: float
    accelerator: Accelerator


def take_step(stepper: Stepper, parts: list[Part]) -> tuple[float, float]:
    """Update the parameters with the mean gradient over all targets of the global batch.

    Args:
        stepper: model, optimizers and settings.
        parts: corrupted inputs of this process.

    Returns:
        The mean loss over all targets of the global batch, and the norm of its gradient.

    Raises:
        NotFiniteError: before anything is changed.
    """
    task, model, accelerator = stepper.task, stepper.model, stepper.accelerator
    targets = total(sum(part.targets for part in parts), accelerator)
    loss = 0.0
    for number, part in enumerate(parts, start=1):
        # Processes exchange gradients after the last part only.
        with contextlib.nullcontext() if number == len(parts) else accelerator.no_sync(model):
            with accelerator.autocast():  # also for large products in the loss
                mean = task.loss(model, part.inputs)["loss"]
            share = part.targets / targets
            # Gradients are averaged over processes; scaling by their number gives a sum of shares.
            accelerator.backward(mean * (share * accelerator.num_processes))
        loss += mean.item() * share
    loss = total(loss, accelerator)
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), stepper.clipping))
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise NotFiniteError(f"loss {loss}, gradient norm {norm}")
    for optimizer in stepper.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss, norm


def total(value: float, accelerator: Accelerator) -> float:
    """Return the sum of a number over all processes (float64)."""
    if accelerator.num_processes == 1:
        return value
    reduced = accelerator.reduce(torch.tensor(value, dtype=torch.float64, device=accelerator.device), "sum")
    return float(reduced.item())


def samples_hash(batch: Batch, accelerator: Accelerator) -> str:
    """Return the SHA-256 of the global batch's source rows and offsets; it is the same for any number of processes."""
    digests = b"".join(batch.digests)
    if accelerator.num_processes > 1:
        mine = torch.frombuffer(bytearray(digests), dtype=torch.uint8).to(accelerator.device)
        gathered = accelerator.gather(mine).view(accelerator.num_processes, -1, 16)
        digests = (
            gathered.transpose(0, 1).contiguous().cpu().numpy().tobytes()
        )  # slot s belongs to process s % processes
    return hashlib.sha256(digests).hexdigest()


def cpu_seconds(workers: int) -> float:
    """Return the CPU time of this process with its threads, and of its data workers, if any."""
    children = psutil.Process().children() if workers else []  # listing them is not free
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)
