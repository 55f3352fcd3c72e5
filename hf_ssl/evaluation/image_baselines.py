"""What needs no pretraining: pixels, their whitened principal components, patch k-means (Coates and Ng 2011)."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor
from torch.nn.functional import unfold

from hf_ssl.evaluation.readout import AS_THEY_ARE, Pair, whiten
from hf_ssl.progress import progress_bar
from hf_ssl.randomness import key_of

CODES = 400
PATCH = 6  # pixels
PATCHES_LEARNED_FROM = 200_000
WHITENING_EPSILON = 0.1  # Coates and Ng: 10 for pixels of standard deviation 10 after normalisation of contrast
DIMENSIONS = (32, 64, 128)
POWERS = (0.25, 0.5)
ROWS_AT_ONCE = 4


def image_baselines(bank: Sequence[np.ndarray], test: Sequence[np.ndarray], seed: int) -> dict[str, dict[str, Pair]]:
    """Features of the same rows, in variants to choose from.

    Args:
        bank: uint8 images of shape (size, size, 3), which components and codes are learned from.
        test: images that are only transformed.
        seed: of patches and starts.

    Returns:
        "pixels", "pca_whitened", "patch_kmeans" -> variants -> (bank, test), float32 of shape (rows, dimensions).
    """
    return {
        "pixels": pixels(bank, test),
        "pca_whitened": whitened_components(bank, test),
        "patch_kmeans": patch_kmeans(bank, test, seed),
    }


def pixels(bank: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> dict[str, Pair]:
    """Pixels as they are, in [0, 1]; see `image_baselines`."""
    return {AS_THEY_ARE: (_flat(bank), _flat(test))}


def whitened_components(bank: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> dict[str, Pair]:
    """Principal components of pixels, several numbers of them, whitened by several powers; see `image_baselines`."""
    flat = _flat(bank), _flat(test)
    most = min(max(DIMENSIONS), *flat[0].shape)
    components = {}
    for power in POWERS:
        whitened = whiten(*flat, power)
        for size in sorted({min(size, most) for size in DIMENSIONS}):
            name = f"{size} components, power {power:g}"
            components[name] = (whitened[0][:, :size], whitened[1][:, :size])
    return components


def patch_kmeans(bank: Sequence[np.ndarray], test: Sequence[np.ndarray], seed: int) -> dict[str, Pair]:
    """Codes of patches (Coates and Ng 2011); see `image_baselines`."""
    return {f"{CODES} codes": _patch_kmeans(bank, test, seed)}


def _flat(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(images).reshape(len(images), -1).astype(np.float32) / 255


def _patch_kmeans(bank: Sequence[np.ndarray], test: Sequence[np.ndarray], seed: int) -> Pair:
    """Distances of every patch to learned codes, below their mean ("triangle"), summed over the four quarters of an image."""
    few = torch.from_numpy(np.stack(bank[:2000])).permute(0, 3, 1, 2).float()
    patches = torch.cat([_patches(part) for part in few.split(ROWS_AT_ONCE)]).flatten(0, 1)
    generator = torch.Generator().manual_seed(key_of("patches", seed))
    patches = patches[torch.randperm(len(patches), generator=generator)[:PATCHES_LEARNED_FROM]]
    mean = patches.mean(0)
    variances, columns = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    zca = columns / (variances.clamp(min=0) + WHITENING_EPSILON).sqrt() @ columns.T
    found = MiniBatchKMeans(CODES, batch_size=4096, n_init=1, random_state=seed).fit(((patches - mean) @ zca).numpy())
    codes = torch.from_numpy(found.cluster_centers_).float()
    with progress_bar("patch k-means", total=len(bank) + len(test), unit="row", delay=5) as bar:
        encoded = []
        for images in (bank, test):
            rows = []
            for begin in range(0, len(images), ROWS_AT_ONCE):
                part = torch.from_numpy(np.stack(images[begin : begin + ROWS_AT_ONCE])).permute(0, 3, 1, 2).float()
                rows.append(_encode(part, mean, zca, codes))
                bar.update(len(part))
            encoded.append(torch.cat(rows).numpy())
    return encoded[0], encoded[1]


def _patches(images: Tensor) -> Tensor:
    """Every patch of an image, its level and contrast taken out: shape (rows, places, 3 * PATCH * PATCH)."""
    stride = max(1, (images.shape[-1] - PATCH) // 26)  # about 27 places a side, as in the paper, whatever the size
    patches = unfold(images, PATCH, stride=stride).transpose(1, 2)
    centred = patches - patches.mean(2, keepdim=True)
    return centred / (centred.var(2, keepdim=True) + 10).sqrt()


def _encode(images: Tensor, mean: Tensor, zca: Tensor, codes: Tensor) -> Tensor:
    """In place where possible: the distances of a few images fit into a cache, those of many do not."""
    patches = _patches(images).sub_(mean) @ zca
    rows, places, width = patches.shape
    distances = torch.addmm(codes.square().sum(1), patches.view(-1, width), codes.T, alpha=-2)
    distances += patches.view(-1, width).square().sum(1, keepdim=True)
    distances = distances.clamp_(min=0).sqrt_()
    activity = distances.neg_().sub_(distances.mean(1, keepdim=True)).clamp_(min=0)
    side = round(places**0.5)
    half = torch.arange(side) * 2 // side
    quarter = (2 * half[:, None] + half).flatten()
    share = torch.nn.functional.one_hot(quarter, 4).T.float()
    return (share.expand(rows, 4, places) @ activity.view(rows, places, -1)).flatten(1)
