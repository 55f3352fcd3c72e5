"""Predictions of masked image models for hidden patches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForMaskedImageModeling, ViTMAEForPreTraining

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import places, whole_number
from hf_ssl.modalities.building import load_whole
from hf_ssl.modalities.images.for_people import picture_address, read_address
from hf_ssl.modalities.images.patches import cut
from hf_ssl.modalities.prepared import Prepared

GREY = 128  # of hidden patches
MOST_SEED = 2**31 - 1


class MaskedPatches:
    """A masked image model that predicts hidden patches; thread-safe."""

    kind = "patches"

    def __init__(self, model: Any, prepared: Prepared) -> None:
        """Wrap a model.

        Args:
            model: a ``ViTMAEForPreTraining`` or a ``...ForMaskedImageModeling``.
            prepared: the modality and processor of its run.
        """
        self.model = model.eval()
        self._prepared = prepared
        self._images = prepared.modality
        self.patch_size = int(self._images.patch_size)
        self.patches = self._images.patches
        self._lock = threading.Lock()  # the number of hidden patches is set in the model

    def reconstruct(self, address: Any, hidden: Any, ratio: Any, seed: Any) -> dict[str, Any]:
        """Hide patches and predict them.

        Args:
            address: data URL of the image.
            hidden: indices of patches, row by row.
            ratio: share to hide at random instead; 0 hides the listed patches.
            seed: seed of the random choice.

        Returns:
            See `hf_ssl.demo.demo.Demo.reconstruct`.

        Raises:
            UserError: if the image cannot be read or the patches do not exist.
        """
        image = read_address(address, self._images.image_size)
        gone = self._chosen(hidden, ratio, seed)
        whole = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        mask = torch.zeros(1, self.patches, dtype=torch.bool)
        mask[0, gone] = True
        pixels = self._images.normalise(whole, self._prepared)
        said = pixels if not gone else self._predict(pixels, mask)
        spread = self._spread_out(mask)
        predicted = torch.where(spread, self._images.denormalise(said, self._prepared).clamp(0, 1), whole)
        colour = self._images.denormalise(torch.zeros_like(pixels), self._prepared)
        return {
            "hidden": gone,
            "masked": picture_address(_bytes(torch.where(spread, torch.tensor(GREY / 255), whole))),
            "reconstruction": picture_address(_bytes(predicted)),
            "error": float((predicted - whole)[spread.expand_as(whole)].square().mean()) if gone else None,
            "mean_colour_error": float((colour - whole)[spread.expand_as(whole)].square().mean()) if gone else None,
            "note": None if gone else "nothing is hidden; choose patches or move the slider",
        }

    def _chosen(self, hidden: Any, ratio: Any, seed: Any) -> list[int]:
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 <= ratio < 1:
            raise UserError(f"the ratio must be at least 0 and below 1, not {str(ratio)[:40]}")
        gone = places("hidden", hidden if hidden is not None else [], self.patches)
        if ratio:
            count = min(self.patches - 1, max(1, round(ratio * self.patches)))
            order = np.random.default_rng(whole_number("seed", seed, 0, MOST_SEED)).permutation(self.patches)
            gone = sorted(order[:count].tolist())
        if len(gone) == self.patches:
            raise UserError("all patches are hidden; show at least one")
        return gone

    def _spread_out(self, mask: Tensor) -> Tensor:
        """Expand a mask of patches to pixels: bool, shape (1, 1, size, size)."""
        side, patch = self._images.image_size // self.patch_size, self.patch_size
        return mask.view(1, 1, side, side).repeat_interleave(patch, 2).repeat_interleave(patch, 3)

    def _predict(self, pixels: Tensor, mask: Tensor) -> Tensor:
        device, model = self.model.device, self.model
        pixels, mask = pixels.to(device), mask.to(device)
        with self._lock, torch.inference_mode():
            if not isinstance(model, ViTMAEForPreTraining):
                return model(pixel_values=pixels, bool_masked_pos=mask).reconstruction.float().cpu()
            # The model keeps int(patches * (1 - ratio)) patches: adding half a patch avoids rounding errors.
            visible = self.patches - int(mask.sum())
            before, model.config.mask_ratio = model.config.mask_ratio, 1 - (visible + 0.5) / self.patches
            try:
                said = model(pixel_values=pixels, noise=mask.float()).logits
            finally:
                model.config.mask_ratio = before
            if model.config.norm_pix_loss:  # predicted patches are normalised in brightness and contrast
                true = cut(pixels, self.patch_size)
                said = said * (true.var(-1, keepdim=True) + 1e-6).sqrt() + true.mean(-1, keepdim=True)
            return model.unpatchify(said).float().cpu()


def _bytes(image: Tensor) -> np.ndarray:
    return (image[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


HEADS: dict[str, Any] = {
    "ViTMAEForPreTraining": ViTMAEForPreTraining,
    "ForMaskedImageModeling": AutoModelForMaskedImageModeling,
}


def fillers(runs: Sequence[Any]) -> dict[str, MaskedPatches]:
    """Return name of a run -> its full model, for runs that predict pixels.

    Raises:
        UserError: if runs take images, or hide patches, of different sizes.
    """
    sizes = {run.name: run.modality.image_size for run in runs}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"'{name}' ({size} pixels)" for name, size in sizes.items())
        raise UserError(f"models take images of different sizes: {listed}; leave one out")
    found = {}
    for run in runs:
        whole = load_whole(run, HEADS)
        if whole is not None:
            found[run.name] = MaskedPatches(whole[1], run.prepared)
    # All models share one clickable grid of patches.
    patches = {name: filler.patch_size for name, filler in found.items()}
    if len(set(patches.values())) > 1:
        listed = ", ".join(f"'{name}' ({size} pixels)" for name, size in patches.items())
        raise UserError(f"models hide patches of different sizes: {listed}; leave one out")
    return found
