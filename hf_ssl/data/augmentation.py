"""Views of images, a whole batch at once, on the device the images are on. All randomness comes from keys."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hf_ssl.randomness import random_uniform

# Luma and two colour differences (NTSC): brightness, contrast, saturation and hue are linear in them.
TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
CHANGED_SHARE = 0.8  # of the views have other brightness, contrast, saturation and hue
FROM_YIQ = torch.linalg.inv(TO_YIQ)


@dataclass(frozen=True)
class Jitter:
    """How colours of views differ.

    Attributes:
        strength: brightness, contrast and saturation are multiplied by 1 - strength to 1 + strength.
        hue: share of a full turn by which colours are turned, either way.
        grey: probability of a grey view.
        invert: probability of a negative.
    """

    strength: float
    hue: float = 0.0
    grey: float = 0.0
    invert: float = 0.0


def as_float(images: Tensor) -> Tensor:
    """uint8 -> float in [0, 1], one colour after the other in memory."""
    return images.contiguous().float().div_(255)


def crop_and_flip(images: Tensor, keys: Tensor, size: int, smallest_area: float, flip: float = 0.5) -> Tensor:
    """Random resized crops (Szegedy et al. 2015), mirrored with probability ``flip``, bilinear with antialiasing.

    Args:
        images: float, shape (rows, channels, height, width).
        keys: int64, shape (rows,).
        size: pixels a side of the result.
        smallest_area: share of the image that a crop covers at least; its sides differ by a factor of 4 / 3 at most.
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
    mirrored = mirror < flip  # read from the end
    columns = _resampling(
        torch.where(mirrored, begin + width, begin), torch.where(mirrored, -width, width), images.shape[3], size
    )
    narrow = (images.flatten(1, 2) @ columns.transpose(1, 2)).view(*images.shape[:3], size)
    return rows[:, None] @ narrow


def _resampling(begin: Tensor, length: Tensor, pixels: int, size: int) -> Tensor:
    """Matrices that scale a part of a line of pixels to ``size``: a crop is then two small products a picture.

    Args:
        begin: of the part, as a share of the line, shape (rows,).
        length: of the part, likewise; below 0 it is read backwards.
        pixels: of the line.
        size: pixels that the part becomes.

    Returns:
        Shape (rows, size, pixels); each line of it sums to 1.
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
    jitter: "Jitter",
    mean: Tensor,
    spread: Tensor,
) -> Tensor:
    """Random brightness, contrast, saturation and hue, and some images grey (Chen et al. 2020), in one matrix an image.

    The order is fixed and values are cut to [0, 1] once, at the end; then they are normalised.

    Args:
        images: float in [0, 1], shape (rows, 3, height, width).
        keys: int64, shape (rows,).
        jitter: how much.
        mean: of each colour, taken off; shape (3, 1, 1).
        spread: of each colour, divided by.
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
    level = pixels.mean(2) @ TO_YIQ[0].to(images.device)  # contrast is about the mean grey of the image
    offset = (brightness * (1 - contrast) * level)[:, None, None]
    negative = (negative < jitter.invert)[:, None, None]
    matrix, offset = torch.where(negative, -matrix, matrix), torch.where(negative, 1 - offset, offset)
    coloured = torch.baddbmm(offset, matrix, pixels).clamp_(0, 1).view_as(images)
    return coloured.sub_(mean).mul_(1 / spread)


def rotate_quarters(images: Tensor, turns: Tensor) -> Tensor:
    """Turn square images by quarters, counterclockwise: ``turns`` in 0 to 3, shape (rows,)."""
    turned = torch.stack([images.rot90(quarters, (2, 3)) for quarters in range(4)])
    return turned[turns, torch.arange(len(images), device=images.device)]
