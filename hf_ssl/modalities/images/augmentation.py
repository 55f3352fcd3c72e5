"""Views of images, computed per batch on the device of the images. All randomness comes from keys."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hf_ssl.common.randomness import random_uniform, subkeys
from hf_ssl.modalities.images.flags import ImageViews

# Luma and two colour differences (NTSC): brightness, contrast, saturation and hue are linear in them.
TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
CROPS = ((0.58, 1 / 2), (0.9, 3 / 4), (1.0, 1.0))  # (share of the steps until which, crops of this share of the size)
CHANGED_SHARE = 0.8  # of the views get changed brightness, contrast, saturation and hue
FROM_YIQ = torch.linalg.inv(TO_YIQ)


@dataclass(frozen=True)
class Jitter:
    """The strength of colour changes.

    Attributes:
        strength: brightness, contrast and saturation are multiplied by 1 - strength to 1 + strength.
        hue: maximum hue rotation in either direction, as a share of a full turn.
        grey: probability of a grey view.
        invert: probability of a negative.
    """

    strength: float
    hue: float = 0.0
    grey: float = 0.0
    invert: float = 0.0


def as_float(images: Tensor) -> Tensor:
    """Convert uint8 images to float in [0, 1], with colour channels contiguous in memory."""
    return images.contiguous().float().div_(255)


def crop_and_flip(images: Tensor, keys: Tensor, size: int, smallest_area: float, flip: float = 0.5) -> Tensor:
    """Draw random resized crops (Szegedy et al. 2015), mirrored with probability ``flip``, bilinear with antialiasing.

    Args:
        images: float, shape (rows, channels, height, width).
        keys: int64, shape (rows,).
        size: pixels per side of the result.
        smallest_area: minimum share of the image area in a crop; its sides differ by a factor of at most 4 / 3.
        flip: probability of a mirror image.

    Returns:
        Shape (rows, channels, size, size).
    """
    area, ratio, across, down, mirror = random_uniform(keys, 5).float().unbind(1)
    area = smallest_area + (1 - smallest_area) * area
    ratio = torch.exp((2 * ratio - 1) * math.log(4 / 3))
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    rows = _resampling(down * (1 - height), height, images.shape[2], size)
    begin = across * (1 - width)
    mirrored = mirror < flip  # read backwards
    columns = _resampling(
        torch.where(mirrored, begin + width, begin), torch.where(mirrored, -width, width), images.shape[3], size
    )
    narrow = (images.flatten(1, 2) @ columns.transpose(1, 2)).view(*images.shape[:3], size)
    return rows[:, None] @ narrow


def _resampling(begin: Tensor, length: Tensor, pixels: int, size: int) -> Tensor:
    """Return matrices that resample part of a line of pixels to ``size``; a crop is then two small products per image.

    Args:
        begin: start of the part, as a share of the line, shape (rows,).
        length: length of the part, likewise; a negative length reads it backwards.
        pixels: pixels of the line.
        size: pixels of the result.

    Returns:
        Shape (rows, size, pixels); each line sums to 1.
    """
    step = length * pixels / size
    places = torch.arange(size, device=begin.device) + 0.5
    centres = begin[:, None] * pixels + places * step[:, None]
    distances = (centres[:, :, None] - (torch.arange(pixels, device=begin.device) + 0.5)).abs_()
    weights = distances.div_(step.abs().clamp(min=1)[:, None, None]).neg_().add_(1).clamp_(min=0)
    return weights.div_(weights.sum(2, keepdim=True))


def jitter_and_normalise(
    images: Tensor,
    keys: Tensor,
    jitter: Jitter,
    mean: Tensor,
    spread: Tensor,
) -> Tensor:
    """Change brightness, contrast, saturation and hue at random (Chen et al. 2020) by one matrix per image, and normalise.

    The order of changes is fixed; values are clipped to [0, 1] once, after all changes.

    Args:
        images: float in [0, 1], shape (rows, 3, height, width).
        keys: int64, shape (rows,).
        jitter: strength of the changes.
        mean: mean of each colour, which is subtracted; shape (3, 1, 1).
        spread: standard deviation of each colour, which divides it.
    """
    on, brightness, contrast, saturation, turn, plain, negative = random_uniform(keys, 7).float().unbind(1)
    on = (on < CHANGED_SHARE).float()
    brightness, contrast, saturation = (
        1 + on * jitter.strength * (2 * factor - 1) for factor in (brightness, contrast, saturation)
    )
    saturation = torch.where(plain < jitter.grey, 0.0, saturation)
    angle = on * 2 * math.pi * jitter.hue * (2 * turn - 1)
    change = torch.zeros(len(images), 3, 3, device=images.device)
    change[:, 0, 0] = 1
    change[:, 1, 1] = change[:, 2, 2] = saturation * angle.cos()
    change[:, 2, 1] = saturation * angle.sin()
    change[:, 1, 2] = -change[:, 2, 1]
    matrix = FROM_YIQ.to(images.device) @ change @ TO_YIQ.to(images.device) * (brightness * contrast)[:, None, None]
    pixels = images.flatten(2)
    level = pixels.mean(2) @ TO_YIQ[0].to(images.device)  # contrast is relative to the mean grey of the image
    offset = (brightness * (1 - contrast) * level)[:, None, None]
    negative = (negative < jitter.invert)[:, None, None]
    matrix, offset = torch.where(negative, -matrix, matrix), torch.where(negative, 1 - offset, offset)
    coloured = torch.baddbmm(offset, matrix, pixels).clamp_(0, 1).view_as(images)
    return coloured.sub_(mean).mul_(1 / spread)


def view_size(image_size: int, progress: float) -> int:
    """Return the pixels per side of the views at a stage of training: a multiple of 8, as grids are halved three times."""
    share = next((share for until, share in CROPS if progress < until), 1.0)
    return min(image_size, max(16, round(image_size * share / 8) * 8))


def two_crops(
    images: Tensor, keys: Tensor, views: ImageViews, size: int, mean_and_spread: tuple[Tensor, Tensor]
) -> Tensor:
    """Return two views of each image, normalised: the first views of all images, then the second ones.

    Args:
        images: uint8, shape (rows, 3, height, width).
        keys: int64, shape (rows,): the only source of randomness.
        views: how the views differ.
        size: pixels per side of the views.
        mean_and_spread: mean and standard deviation of each colour, shape (3, 1, 1).

    Returns:
        Float of shape (2 * rows, 3, size, size).
    """
    place, colours, other_place, other_colours = subkeys(keys, 4)
    jitter = Jitter(views.colour_jitter, views.hue_jitter, views.grey_share, views.invert_share)
    mirrored = 0.5 if views.mirror else 0.0
    # Both views at once, for half as many small operations.
    twice, places = as_float(images).repeat(2, 1, 1, 1), torch.cat([place, other_place])
    crops = crop_and_flip(twice, places, size, views.smallest_crop, mirrored)
    return jitter_and_normalise(crops, torch.cat([colours, other_colours]), jitter, *mean_and_spread)
