"""Patches that are hidden, and what a masked image model would put there."""

import base64
import binascii
import threading
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_ssl.data.decoding import BadImageError, decode_image
from hf_ssl.data.patches import cut
from hf_ssl.demo.limits import places, whole_number
from hf_ssl.demo.rows import png
from hf_ssl.errors import UserError
from hf_ssl.pretrained import Pretrained

HEADER = "data:image/png;base64,"
LONGEST_ADDRESS = 2_000_000  # characters of a picture within a request
MOST_BYTES = 10_000_000  # of an uploaded file
MOST_PIXELS = 40_000_000  # of an uploaded file
MOST_SENT = 1_000_000  # pixels of a picture within a request, which was given out at the size of the models
GREY = 128  # of what is hidden
MOST_SEED = 2**31 - 1
_decoding = threading.Lock()  # a large picture needs much memory: one at a time


def picture_address(image: np.ndarray) -> str:
    """A picture as a data address."""
    return HEADER + base64.b64encode(png(image)).decode()


def open_picture(data: bytes, size: int, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Somebody's picture as uint8 pixels of shape (size, size, 3).

    Raises:
        UserError: if it is none, or a huge one.
    """
    if len(data) > MOST_BYTES:
        raise UserError(
            f"the file has {len(data) / 1e6:.0f} MB; at most {MOST_BYTES // 10**6} MB are taken, so choose another"
        )
    try:
        with _decoding:
            return decode_image(data, size, most_pixels)
    except BadImageError as error:
        raise UserError(f"this file gives no picture: {error}; choose another one") from error


def read_address(address: Any, size: int) -> np.ndarray:
    """The picture of a data address; see `open_picture`."""
    if not isinstance(address, str) or not address.startswith(HEADER) or len(address) > LONGEST_ADDRESS:
        raise UserError(f"the image must begin with {HEADER} and have at most {LONGEST_ADDRESS:,} characters")
    try:
        data = base64.b64decode(address.removeprefix(HEADER), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UserError("the image is no valid data address; open it again") from error
    return open_picture(data, size, MOST_SENT)


class MaskedPatches:
    """A masked image model that is asked for patches; safe to be asked by several threads."""

    kind = "patches"

    def __init__(self, run: Pretrained, model: Any) -> None:
        """Take a model.

        Args:
            run: of a task with ``objective``, ``patch_size`` and ``image_size``.
            model: its ``ViTMAEForPreTraining`` or ``...ForMaskedImageModeling``.
        """
        self.model = model.eval()
        task: Any = run.task
        self.task = task
        self._prepared = run.prepared
        self.patches = (task.image_size // task.patch_size) ** 2
        self._lock = threading.Lock()  # how many are hidden is set in the model

    def reconstruct(self, address: Any, hidden: Any, ratio: Any, seed: Any) -> dict[str, Any]:
        """Hide patches and predict them.

        Args:
            address: of the image.
            hidden: numbers of patches, row by row.
            ratio: share to hide by chance instead; 0 hides the named ones.
            seed: of that choice.

        Returns:
            See `hf_ssl.demo.demo.Demo.reconstruct`.

        Raises:
            UserError: if the image cannot be read or the patches are not there.
        """
        image = read_address(address, self.task.image_size)
        gone = self._chosen(hidden, ratio, seed)
        whole = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        mask = torch.zeros(1, self.patches, dtype=torch.bool)
        mask[0, gone] = True
        pixels = self.task.normalise(whole, self._prepared)
        said = pixels if not gone else self._predict(pixels, mask)
        spread = self._spread_out(mask)
        predicted = torch.where(spread, self.task.shown(said, self._prepared).clamp(0, 1), whole)
        colour = self.task.shown(torch.zeros_like(pixels), self._prepared)
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
            raise UserError("all patches are hidden; show one at least")
        return gone

    def _spread_out(self, mask: Tensor) -> Tensor:
        """Patches -> pixels: bool, shape (1, 1, size, size)."""
        side, patch = self.task.image_size // self.task.patch_size, self.task.patch_size
        return mask.view(1, 1, side, side).repeat_interleave(patch, 2).repeat_interleave(patch, 3)

    def _predict(self, pixels: Tensor, mask: Tensor) -> Tensor:
        device, model = self.model.device, self.model
        pixels, mask = pixels.to(device), mask.to(device)
        with self._lock, torch.inference_mode():
            if self.task.objective == "simmim":
                return model(pixel_values=pixels, bool_masked_pos=mask).reconstruction.float().cpu()
            # The model keeps the whole part of patches * (1 - ratio): half a patch more is far from any rounding.
            visible = self.patches - int(mask.sum())
            before, model.config.mask_ratio = model.config.mask_ratio, 1 - (visible + 0.5) / self.patches
            try:
                said = model(pixel_values=pixels, noise=mask.float()).logits
            finally:
                model.config.mask_ratio = before
            if model.config.norm_pix_loss:  # patches are predicted without their own level and contrast
                true = cut(pixels, self.task.patch_size)
                said = said * (true.var(-1, keepdim=True) + 1e-6).sqrt() + true.mean(-1, keepdim=True)
            return model.unpatchify(said).float().cpu()


def _bytes(image: Tensor) -> np.ndarray:
    return (image[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
