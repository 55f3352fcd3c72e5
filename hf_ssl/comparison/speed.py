"""The speed of this machine, relative to the slowest one on which the costs of a plan hold."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import torch
from torch import nn

from hf_ssl.common.device import autocast
from hf_ssl.common.writing import write_text

USUAL_SECONDS = 0.027  # of a step where plans hold; two cores with bf16 instructions take 0.015, with AVX2 alone 0.033
STEPS = 12  # after two that are not counted


def kept_speed(path: Path) -> float:
    """Return the speed that a comparison was planned with, measured once, in fifths: 1, or less for slower machines.

    Args:
        path: of the file that keeps it.
    """
    if not path.exists():
        fifths = min(5, max(1, round(5 * USUAL_SECONDS / _step_seconds())))  # so that a little noise changes no plan
        write_text(path, json.dumps({"speed": fifths / 5}))
    return float(json.loads(path.read_text(encoding="utf-8"))["speed"])


def _step_seconds() -> float:
    """Return the median wall time of a training step of a small convolutional network."""
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    layers = [nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, 2, 1), nn.ReLU(), nn.Flatten()]
    network = nn.Sequential(*layers, nn.Linear(64 * 16 * 16, 64)).to(device)
    images = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(device)
    taken = []
    for _ in range(2 + STEPS):
        begun = time.perf_counter()
        with autocast():
            loss = network(images).float().square().mean()
        loss.backward()
        loss.item()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[2:])
