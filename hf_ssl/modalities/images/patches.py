"""Image patches: principal directions, and codes learned by k-means."""

from __future__ import annotations

import torch
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor

from hf_ssl.common.randomness import key_of

EPSILON = 0.01  # added to patch variances (relative to those of the images), so that noise is not amplified


def directions(images: Tensor, size: int, stride: int) -> tuple[Tensor, Tensor]:
    """Compute the principal directions of patches, largest variance first.

    Args:
        images: float, shape (rows, channels, height, width), of variance about 1.
        size: pixels per side of a patch.
        stride: pixels between patches.

    Returns:
        Directions, shape (channels * size * size, dimensions), as columns; variances, shape (dimensions,).
    """
    total = torch.zeros(())
    moment = torch.zeros(())
    count = 0
    for part in images.split(512):
        patches = torch.nn.functional.unfold(part, size, stride=stride).transpose(1, 2).flatten(0, 1).double()
        total = total + patches.sum(0)
        moment = moment + patches.T @ patches
        count += len(patches)
    mean = total / count
    variances, columns = torch.linalg.eigh(moment / count - mean[:, None] * mean)
    columns, variances = columns.flip(1), variances.flip(0).clamp(min=0)
    # The sign of a direction is arbitrary: make the largest entry positive on every machine.
    largest = columns.gather(0, columns.abs().argmax(0, keepdim=True))
    return (columns * largest.sign()).float(), variances.float()


def whitening_filters(images: Tensor, size: int, count: int) -> Tensor:
    """Return the whitened principal directions of patches, with both signs, as filters for a frozen first layer.

    Args:
        images: float, shape (rows, channels, height, width), of variance about 1.
        size: pixels per side of a filter.
        count: number of filters, even; if there are fewer directions, the rest is zero.

    Returns:
        Shape (count, channels, size, size).
    """
    columns, variances = directions(images, size, size // 2)
    half = min(count // 2, columns.shape[1])
    whitened = (columns[:, :half] / (variances[:half] + EPSILON).sqrt()).T.reshape(half, images.shape[1], size, size)
    filters = torch.zeros(count, *whitened.shape[1:])
    filters[:half], filters[count // 2 : count // 2 + half] = whitened, -whitened
    return filters


def cut(images: Tensor, size: int) -> Tensor:
    """Cut images into patches: (rows, channels, height, width) -> (rows, patches, channels * size * size)."""
    return torch.nn.functional.unfold(images, size, stride=size).transpose(1, 2)


def learn_codes(images: Tensor, size: int, count: int, seed: int) -> dict[str, Tensor]:
    """Learn codes of patches by k-means on whitened, centred patches (Coates and Ng 2011).

    Args:
        images: float, shape (rows, channels, height, width).
        size: pixels per side of a patch.
        count: number of codes.
        seed: seed of the initialisation.

    Returns:
        "code_projection": (channels * size * size, dimensions); "codes": (count, dimensions).
    """
    columns, variances = directions(images, size, size)
    projection = columns / (variances + EPSILON).sqrt()
    patches = (cut(images, size) @ projection).flatten(0, 1)
    generator = torch.Generator().manual_seed(key_of("codes", seed))
    chosen = patches[torch.randperm(len(patches), generator=generator)[:100_000]]
    return {"code_projection": projection, "codes": cluster_patches(chosen, count, seed)}


def survey_codes(images: Tensor, size: int, count: int, seed: int) -> dict[str, Tensor]:
    """Return the result of `learn_codes`, and "code_counts", how often each code occurs: int64, shape (count,)."""
    learned = learn_codes(images, size, count, seed)
    found = codes_of(images, size, learned["code_projection"], learned["codes"])
    return learned | {"code_counts": torch.bincount(found.flatten(), minlength=count)}


def cluster_patches(patches: Tensor, count: int, seed: int) -> Tensor:
    """Return the centres of k-means on whitened patches (Coates and Ng 2011): float32, shape (count, dimensions)."""
    found = MiniBatchKMeans(count, batch_size=4096, n_init=1, random_state=seed).fit(patches.numpy())
    return torch.from_numpy(found.cluster_centers_).float()


def codes_of(images: Tensor, size: int, projection: Tensor, codes: Tensor) -> Tensor:
    """Return the nearest code of each patch: int64, shape (rows, patches)."""
    patches = cut(images, size) @ projection
    distances = codes.square().sum(1) - 2 * patches @ codes.T  # the patch's own length is irrelevant
    return distances.argmin(-1)
