"""Find the other view of a sample among those of all samples (NT-Xent: Chen et al. 2020)."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from hf_ssl.models.batchwise import gather_with_gradients


def contrast(views: Tensor, temperature: float, training: bool, all_views: bool = True) -> dict[str, Tensor]:
    """Cross-entropy in nats of finding the other view among all, those of other processes too while training.

    Args:
        views: shape (2 * rows, dimensions): the first views of all samples, then the second ones.
        temperature: by which cosines are divided.
        training: whether the whole batch is spread over processes.
        all_views: look for it among first and second views; if not, only among those of the other side, which takes a quarter
            of the products.

    Returns:
        "loss"; "logits", shape (rows, views looked at), and "labels", the place of the other view, for the first views.
    """
    rows = len(views) // 2
    directions = normalize(views.float(), dim=1).view(2, rows, -1)
    everyone, begin = gather_with_gradients(directions, dim=1) if training else (directions, 0)
    rows_of_all = everyone.shape[1]
    own = begin + torch.arange(rows, device=views.device)
    if not all_views:
        first = directions[0] @ everyone[1].T / temperature
        # One product serves both sides, unless the views of this process are a part of all.
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
    """Loss and accuracy of guessing the other view among those of ``rows`` samples."""
    others = max(2 * rows - 1, 1) if all_views else rows
    return {"chance_loss": math.log(others), "chance_accuracy": 1 / others}
