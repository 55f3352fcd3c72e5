"""Small squares of images: their principal directions, and codes of their kinds."""

import torch
from torch import Tensor

from hf_ssl.randomness import key_of

EPSILON = 0.01  # added to variances of patches in units of the images' own: does not blow up noise


def directions(images: Tensor, size: int, stride: int) -> tuple[Tensor, Tensor]:
    """Principal directions of patches, largest variance first.

    Args:
        images: float, shape (rows, channels, height, width), of variance about 1.
        size: pixels a side of a patch.
        stride: between patches.

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
    # A direction has no sign of its own: the largest entry shall be positive, on every machine.
    largest = columns.gather(0, columns.abs().argmax(0, keepdim=True))
    return (columns * largest.sign()).float(), variances.float()


def whitening_filters(images: Tensor, size: int, count: int) -> Tensor:
    """Filters plus and minus the whitened principal directions of patches: what a frozen first layer looks for.

    Args:
        images: float, shape (rows, channels, height, width), of variance about 1.
        size: pixels a side of a filter.
        count: of filters, even; where there are fewer directions, the rest is zero.

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
    """Patches side by side: (rows, channels, height, width) -> (rows, patches, channels * size * size)."""
    return torch.nn.functional.unfold(images, size, stride=size).transpose(1, 2)


def learn_codes(images: Tensor, size: int, count: int, seed: int) -> dict[str, Tensor]:
    """Kinds of patches: k-means on whitened patches without their mean level (Coates and Ng 2011).

    Args:
        images: float, shape (rows, channels, height, width).
        size: pixels a side of a patch.
        count: of kinds.
        seed: of the start.

    Returns:
        "code_projection": (channels * size * size, dimensions); "codes": (count, dimensions).
    """
    from sklearn.cluster import MiniBatchKMeans

    columns, variances = directions(images, size, size)
    projection = columns / (variances + EPSILON).sqrt()
    patches = (cut(images, size) @ projection).flatten(0, 1)
    generator = torch.Generator().manual_seed(key_of("codes", seed))
    chosen = patches[torch.randperm(len(patches), generator=generator)[:100_000]]
    found = MiniBatchKMeans(count, batch_size=4096, n_init=1, random_state=seed).fit(chosen.numpy())
    return {"code_projection": projection, "codes": torch.from_numpy(found.cluster_centers_).float()}


def codes_of(images: Tensor, size: int, projection: Tensor, codes: Tensor) -> Tensor:
    """The nearest code of each patch: int64, shape (rows, patches)."""
    patches = cut(images, size) @ projection
    distances = codes.square().sum(1) - 2 * patches @ codes.T  # the patch's own length plays no part
    return distances.argmin(-1)
