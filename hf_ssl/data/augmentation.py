"""Views of images, a whole batch at once, on the device the images are on. All randomness comes from keys."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from hf_ssl.randomness import random_uniform

# Luma and two colour differences (NTSC): brightness, contrast, saturation and hue are linear in them.
TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
FROM_YIQ = torch.linalg.inv(TO_YIQ)


def as_float(images: Tensor) -> Tensor:
    """uint8 -> float in [0, 1]."""
    return images.float() / 255


def crop_and_flip(images: Tensor, keys: Tensor, size: int, smallest_area: float, flip: float = 0.5) -> Tensor:
    """Random resized crops (Szegedy et al. 2015), mirrored with probability ``flip``, bilinear.

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
    place = torch.zeros(len(images), 2, 3, device=images.device)
    place[:, 0, 0] = torch.where(mirror < flip, -width, width)
    place[:, 0, 2] = (2 * across - 1) * (1 - width)
    place[:, 1, 1] = height
    place[:, 1, 2] = (2 * down - 1) * (1 - height)
    grid = affine_grid(place, (len(images), images.shape[1], size, size), align_corners=False)
    return grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def jitter_colours(images: Tensor, keys: Tensor, strength: float, hue: float, grey: float, share: float) -> Tensor:
    """Random brightness, contrast, saturation and hue, and some images grey (Chen et al. 2020), in one matrix an image.

    The order is fixed and values are cut to [0, 1] once, at the end.

    Args:
        images: float in [0, 1], shape (rows, 3, height, width).
        keys: int64, shape (rows,).
        strength: brightness, contrast and saturation are multiplied by 1 - strength to 1 + strength.
        hue: share of a full turn by which colours are turned, either way.
        grey: probability of a grey image.
        share: probability of any other change.
    """
    on, brightness, contrast, saturation, turn, plain = random_uniform(keys, 6).float().unbind(1)
    on = (on < share).float()
    brightness, contrast, saturation = (
        1 + on * strength * (2 * factor - 1) for factor in (brightness, contrast, saturation)
    )
    saturation = torch.where(plain < grey, 0.0, saturation)
    angle = on * 2 * math.pi * hue * (2 * turn - 1)
    change = torch.zeros(len(images), 3, 3, device=images.device)
    change[:, 0, 0] = 1
    change[:, 1, 1] = change[:, 2, 2] = saturation * angle.cos()
    change[:, 2, 1] = saturation * angle.sin()
    change[:, 1, 2] = -change[:, 2, 1]
    matrix = FROM_YIQ.to(images.device) @ change @ TO_YIQ.to(images.device)
    coloured = torch.bmm(matrix * (brightness * contrast)[:, None, None], images.flatten(2))
    level = images.mean((2, 3)) @ TO_YIQ[0].to(images.device)  # contrast is about the mean grey of the image
    coloured += (brightness * (1 - contrast) * level)[:, None, None]
    return coloured.clamp(0, 1).view_as(images)


def rotate_quarters(images: Tensor, turns: Tensor) -> Tensor:
    """Turn square images by quarters, counterclockwise: ``turns`` in 0 to 3, shape (rows,)."""
    turned = torch.stack([images.rot90(quarters, (2, 3)) for quarters in range(4)])
    return turned[turns, torch.arange(len(images), device=images.device)]
