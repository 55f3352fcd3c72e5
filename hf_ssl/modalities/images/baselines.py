"""Image baselines without a network: pixels, whitened components and patch k-means (Coates and Ng 2011)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from torch import Tensor
from torch.nn.functional import one_hot, unfold

from hf_ssl.common.progress import progress_bar
from hf_ssl.common.randomness import key_of
from hf_ssl.modalities.baseline import AS_THEY_ARE, Baseline
from hf_ssl.modalities.images.patches import cluster_patches
from hf_ssl.unsupervised.features import whitening

CODES = 400
PATCH = 6  # pixels
PATCHES_LEARNED_FROM = 200_000
WHITENING_EPSILON = 0.1  # Coates and Ng: 10 for pixels of standard deviation 10 after contrast normalisation
DIMENSIONS = (32, 64, 128)
POWERS = (0.25, 0.5)
MOST_DIRECTIONS = 512
ROWS_AT_ONCE = 4


class Pixels(Baseline):
    """Pixels projected on their 512 leading directions, uncentred: nearly the same cosines in a sixth of the time."""

    name = "pixels"
    title = "pixels"

    def fit(self, inputs: Sequence[np.ndarray]) -> None:
        """Fit the directions, if there are enough images for them."""
        flat = _flat(inputs)
        if min(flat.shape) > MOST_DIRECTIONS:
            found = TruncatedSVD(MOST_DIRECTIONS, n_iter=2, random_state=self.seed).fit(flat)
            self.arrays = {"directions": found.components_}

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return features of shape (images, dimensions)."""
        flat = _flat(inputs)
        return {AS_THEY_ARE: flat @ self.arrays["directions"].T if self.arrays else flat}


class WhitenedPixels(Baseline):
    """Principal components of pixels, in several numbers and whitened by several powers."""

    name = "pca_whitened"
    title = "whitened PCA of pixels"

    def fit(self, inputs: Sequence[np.ndarray]) -> None:
        """Fit the components and their variances."""
        for power in POWERS:
            found = whitening(_flat(inputs), power)
            if found is not None:  # some images differ
                self.arrays |= {f"mean {power:g}": found[0], f"matrix {power:g}": found[1]}

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return features of shape (images, components)."""
        flat = _flat(inputs)
        if not self.arrays:
            return {AS_THEY_ARE: flat}
        found = {}
        for power in POWERS:
            matrix = self.arrays[f"matrix {power:g}"]
            whitened = (flat - self.arrays[f"mean {power:g}"]) @ matrix
            for size in sorted({min(size, matrix.shape[1]) for size in DIMENSIONS}):
                found[f"{size} components, power {power:g}"] = whitened[:, :size]
        return found


class PatchKmeans(Baseline):
    """Triangle encoding: by how much each patch is closer to a learned code than on average, summed over image quarters."""

    name = "patch_kmeans"
    title = "patch k-means"
    on_map = False  # takes seconds, unlike the other baselines

    def fit(self, inputs: Sequence[np.ndarray]) -> None:
        """Fit the whitening of patches and their codes on at most 2,000 images."""
        few = torch.from_numpy(np.stack(inputs[:2000])).permute(0, 3, 1, 2).float()
        patches = torch.cat([_patches(part) for part in few.split(ROWS_AT_ONCE)]).flatten(0, 1)
        generator = torch.Generator().manual_seed(key_of("patches", self.seed))
        patches = patches[torch.randperm(len(patches), generator=generator)[:PATCHES_LEARNED_FROM]]
        mean = patches.mean(0)
        variances, columns = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
        zca = columns / (variances.clamp(min=0) + WHITENING_EPSILON).sqrt() @ columns.T
        codes = cluster_patches((patches - mean) @ zca, CODES, self.seed)
        self.arrays = {"mean": mean.numpy(), "zca": zca.numpy(), "codes": codes.numpy()}

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return features of shape (images, 4 * codes)."""
        mean, zca, codes = (torch.from_numpy(self.arrays[name]) for name in ("mean", "zca", "codes"))
        rows = []
        with progress_bar("patch k-means", total=len(inputs), unit="row", delay=5) as bar:
            for begin in range(0, len(inputs), ROWS_AT_ONCE):
                part = torch.from_numpy(np.stack(inputs[begin : begin + ROWS_AT_ONCE])).permute(0, 3, 1, 2).float()
                rows.append(_encode(part, mean, zca, codes))
                bar.update(len(part))
        return {f"{CODES} codes": torch.cat(rows).numpy()}


def _flat(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(images).reshape(len(images), -1).astype(np.float32) / 255


def _patches(images: Tensor) -> Tensor:
    """Return all patches, normalised in brightness and contrast: shape (rows, places, 3 * PATCH * PATCH)."""
    stride = max(1, (images.shape[-1] - PATCH) // 26)  # about 27 places per side, as in the paper, for any size
    patches = unfold(images, PATCH, stride=stride).transpose(1, 2)
    centred = patches - patches.mean(2, keepdim=True)
    return centred / (centred.var(2, keepdim=True) + 10).sqrt()


def _encode(images: Tensor, mean: Tensor, zca: Tensor, codes: Tensor) -> Tensor:
    """Encode a few images, in place where possible, so that their distances fit into the CPU cache."""
    patches = _patches(images).sub_(mean) @ zca
    rows, places, width = patches.shape
    distances = torch.addmm(codes.square().sum(1), patches.view(-1, width), codes.T, alpha=-2)
    distances += patches.view(-1, width).square().sum(1, keepdim=True)
    distances = distances.clamp_(min=0).sqrt_()
    activity = distances.neg_().sub_(distances.mean(1, keepdim=True)).clamp_(min=0)
    side = round(places**0.5)
    half = torch.arange(side) * 2 // side
    quarter = (2 * half[:, None] + half).flatten()
    share = one_hot(quarter, 4).T.float()
    return (share.expand(rows, 4, places) @ activity.view(rows, places, -1)).flatten(1)
