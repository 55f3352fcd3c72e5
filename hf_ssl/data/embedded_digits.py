"""Built-in images that need no network: scikit-learn's handwritten digits, plain and cluttered."""

from __future__ import annotations

import datasets
import numpy as np
from datasets import Dataset
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from hf_ssl.common.progress import progress_bar

CANVAS = 32
SMALLEST, LARGEST = 13, 20  # width and height of a digit in pixels
ROTATION = 15  # degrees, either way
PIECES = 2
PIECE = 12  # pixels
TRAIN_ROWS, TEST_ROWS = 12_000, 3_000
TEST_SHARE = 0.25  # of the 1,797 digits
SEED = 0


def plain() -> dict[str, Dataset]:
    """Return ``image`` (8x8, grey) and ``label`` of the 1,797 digits (Alpaydin and Kaynak 1998), split at random."""
    splits = _digits()
    return {name: _dataset(list(digits), labels) for name, (digits, labels) in splits.items()}


def cluttered() -> dict[str, Dataset]:
    """Return ``image`` (32x32, grey) and ``label``: a digit of random size, position and tilt among pieces of other digits.

    The background has a random level and slope, and half of the images are inverted, so that the nearest image by pixels
    has a similar background, not a similar digit. No digit of a test image occurs in a training image.
    """
    made = {}
    for number, (name, (digits, labels)) in enumerate(_digits().items()):
        rows = TRAIN_ROWS if name == "train" else TEST_ROWS
        generator = np.random.default_rng([SEED, number])
        sources = generator.integers(len(digits), size=rows)
        images = [_scene(digits, source, generator) for source in progress_bar(f"digits, {name}", sources, delay=2)]
        made[name] = _dataset(images, labels[sources])
    return made


def _digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return split name -> digits (uint8, shape (rows, 8, 8)) and labels."""
    digits, labels = load_digits(return_X_y=True)
    digits = (digits.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    train, test, train_labels, test_labels = train_test_split(
        digits, labels, test_size=TEST_SHARE, stratify=labels, random_state=SEED
    )
    return {"train": (train, train_labels), "test": (test, test_labels)}


def _scene(digits: np.ndarray, source: int, generator: np.random.Generator) -> np.ndarray:
    size = int(generator.integers(SMALLEST, LARGEST + 1))
    left, top = generator.integers(CANVAS - size + 1, size=2)
    digit = _drawn(digits[source], size, generator.uniform(-ROTATION, ROTATION)) * generator.uniform(0.7, 1.0)
    ink = np.zeros((CANVAS, CANVAS))
    ink[top : top + size, left : left + size] = digit
    for _ in range(PIECES):
        other = _drawn(digits[generator.integers(len(digits))], 2 * PIECE, generator.uniform(0, 360))
        x, y = generator.integers(PIECE + 1, size=2)
        left, top = generator.integers(CANVAS - PIECE + 1, size=2)
        place = ink[top : top + PIECE, left : left + PIECE]
        np.maximum(place, other[y : y + PIECE, x : x + PIECE] * generator.uniform(0.15, 0.4), out=place)
    coarse = Image.fromarray(generator.uniform(-0.15, 0.15, (4, 4)).astype(np.float32))
    background = generator.uniform(0.1, 0.4) + np.asarray(coarse.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC))
    scene = background + ink * (1 - background)
    if generator.random() < 0.5:
        scene = 1 - scene
    noisy = scene + generator.normal(0, 0.04, scene.shape)
    return np.asarray((noisy.clip(0, 1) * 255).astype(np.uint8))


def _drawn(digit: np.ndarray, size: int, degrees: float) -> np.ndarray:
    """Return a digit with values in [0, 1], scaled and rotated."""
    large = Image.fromarray(digit).resize((4 * size, 4 * size), Image.Resampling.BICUBIC)
    tilted = large.rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(tilted.resize((size, size), Image.Resampling.BOX)) / 255.0


def _dataset(images: list[np.ndarray], labels: np.ndarray) -> Dataset:

    kinds = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=[str(digit) for digit in range(10)])}
    )
    rows = {"image": [Image.fromarray(image) for image in images], "label": labels.tolist()}
    return datasets.Dataset.from_dict(rows, kinds)
