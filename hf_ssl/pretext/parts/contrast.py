"""The contrastive loss: find the other view of a sample among all views of all processes (NT-Xent: Chen et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.functional import cross_entropy, normalize

SHORT = 64  # dimensions


def contrast(views: Tensor, temperature: float, training: bool, all_views: bool = True) -> dict[str, Tensor]:
    """Return the cross-entropy in nats of finding the other view among all views; in training, across processes.

    Args:
        views: shape (2 * rows, dimensions): the first views of all samples, then the second ones.
        temperature: divisor of the cosines.
        training: whether the whole batch is spread over processes.
        all_views: compare with first and second views; otherwise only with those of the other side, which takes a quarter
            of the products.

    Returns:
        "loss"; for the first views, "logits", shape (rows, compared views), and "labels", the index of the other view.
    """
    if views.shape[1] <= SHORT:  # float32 costs nothing
        with torch.autocast(views.device.type, enabled=False):
            return _contrast(views, temperature, training, all_views)
    return _contrast(views, temperature, training, all_views)


def _contrast(views: Tensor, temperature: float, training: bool, all_views: bool) -> dict[str, Tensor]:
    rows = len(views) // 2
    directions = normalize(views.float(), dim=1).view(2, rows, -1)
    everyone, begin = gather_with_gradients(directions, dim=1) if training else (directions, 0)
    rows_of_all = everyone.shape[1]
    own = begin + torch.arange(rows, device=views.device)
    if not all_views:
        first = directions[0] @ everyone[1].T / temperature
        # One product serves both sides, unless this process holds only part of all views.
        second = first.T if rows_of_all == rows else directions[1] @ everyone[0].T / temperature
        loss = (cross_entropy(first, own) + cross_entropy(second, own)) / 2
        return {"loss": loss, "logits": first.detach(), "labels": own}
    similarity = directions.flatten(0, 1) @ everyone.flatten(0, 1).T / temperature
    itself = torch.cat([own, own + rows_of_all])
    other = torch.cat([own + rows_of_all, own])
    similarity = similarity.scatter(1, itself[:, None], float("-inf"))
    loss = cross_entropy(similarity, other)
    return {"loss": loss, "logits": similarity[:rows].detach(), "labels": other[:rows]}


def chance(rows: int, all_views: bool = True) -> dict[str, float]:
    """Return loss and accuracy of guessing the other view among those of ``rows`` samples."""
    others = max(2 * rows - 1, 1) if all_views else rows
    return {"chance_loss": math.log(others), "chance_accuracy": 1 / others}


EPSILON = 1e-3


def gather_with_gradients(mine: Tensor, dim: int) -> tuple[Tensor, int]:
    """Concatenate the tensors of all processes, differentiably, and return the result and this process's offset in it."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return mine, 0

    return torch.cat(all_gather(mine.contiguous()), dim), torch.distributed.get_rank() * mine.shape[dim]


class Standardise(nn.Module):
    """Subtract the mean of the whole batch and divide by its standard deviation, per channel.

    Before a projector, it replaces the batch norms of SimCLR and keeps the encoder free of them: CIFAR-10, 90 CPU seconds:
    kNN 55.7 to 57.1, linear 63.0 to 63.8.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Standardise the features of this process, (rows, channels); in training, with the statistics of all processes."""
        everyone = gather_with_gradients(features, 0)[0] if self.training else features
        return (features - everyone.mean(0)) / (everyone.std(0, correction=0) + EPSILON)
