"""Compare our training steps on images with stock ones: images per CPU second, from decoded pixels to the optimizer step.

    OMP_NUM_THREADS=1 taskset -c 0 python scripts/benchmarks/images.py --rounds 9

The stock arms repeat a step of transformers' run_mim_no_trainer.py: random crop, horizontal flip and normalisation of one
picture after the other, a mask for each from a generator, AdamW, float32. The torchvision transforms are reimplemented with
Pillow and numpy. Stock MAE is the same with ViTMAEForPreTraining. The arms take turns; ratios of CPU seconds are medians over
rounds.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import progress_bar
from hf_ssl.common.script import run_script

WARM_UP = 2  # turns that are not counted
SMALLEST_CROP = {"masked image": 0.67, "view": 0.2}  # shares of a picture, as in the stock script and in SimCLR


@dataclass
class Benchmark:
    """Sizes as in the README beside this script."""

    rounds: int = field(default=5, metadata={"help": "Turns of each arm, after two warm-up turns."})
    batch_size: int = field(default=128, metadata={"help": "Images per turn, and per step except in stock SimMIM."})
    stock_batch_size: int = field(default=8, metadata={"help": "Images per step of stock SimMIM (script default)."})
    image_size: int = field(default=32, metadata={"help": "Pixels per side."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise UserError(f"--{name} must be at least 1, not {value}")
        if self.batch_size % self.stock_batch_size:
            raise UserError(f"--batch_size must be a multiple of --stock_batch_size {self.stock_batch_size}")


def main(arguments: list[str]) -> None:
    """Run the arms in turns and print their figures."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    import torch  # heavy, like all that follows: after --help

    from hf_ssl.common.device import keep_freed_memory

    keep_freed_memory()  # for all arms
    images = np.random.default_rng(0).integers(0, 256, (sizes.batch_size, sizes.image_size, sizes.image_size, 3))
    families = _families(sizes, images.astype(np.uint8))
    figures = {family: _measure(family, arms, sizes) for family, arms in families.items()}
    for family, arms in figures.items():
        for name, figure in arms.items():
            print(
                f"{family:16}{name:54}{figure['images_per_cpu_second']:>8} images per CPU second{figure['ratio']:>8} x"
            )
    conditions = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0], **asdict(sizes)}
    print(json.dumps({"figures": figures, "conditions": conditions}), file=sys.stderr)


def _families(sizes: Benchmark, images: np.ndarray) -> dict[str, dict[str, Callable[[], None]]]:
    """Return family -> arm -> step; the first arm of each family is the stock one."""
    few, many = sizes.stock_batch_size, sizes.batch_size
    return {
        "SimMIM": {
            f"stock, float32, batch {few}": _stock(images, "simmim", few),
            f"stock, float32, batch {many}": _stock(images, "simmim", many),
            "ours, bf16, AdamW": _ours(images, "adamw", objective="simmim"),
            "ours, bf16, Muon": _ours(images, "muon", objective="simmim"),
        },
        "MAE": {
            f"stock, float32, batch {many}": _stock(images, "mae", many),
            "ours, bf16, AdamW": _ours(images, "adamw"),
            "ours, bf16, Muon": _ours(images, "muon"),
            "ours, light decoder, bf16, AdamW (another objective)": _ours(images, "adamw", decoder="light"),
        },
        "SimCLR's views": {
            "one picture after the other": _views_one_by_one(images),
            "as a batch": _views_as_a_batch(images),
        },
    }


def _measure(family: str, arms: dict[str, Callable[[], None]], sizes: Benchmark) -> dict[str, dict[str, float]]:
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in progress_bar(family, range(sizes.rounds + WARM_UP), unit="turn"):
        for name, step in arms.items():
            begun = time.process_time()
            step()
            if turn >= WARM_UP:
                seconds[name].append(time.process_time() - begun)
    stock = next(iter(seconds.values()))
    return {
        name: {
            "images_per_cpu_second": round(sizes.batch_size / statistics.median(times), 1),
            "ratio": round(statistics.median(s / t for s, t in zip(stock, times, strict=True)), 2),
        }
        for name, times in seconds.items()
    }


def _crop_and_mirror(picture: Any, generator: Any, smallest: float, size: int) -> Any:
    """Return a random resized crop, flipped half of the time, as drawn by torchvision."""
    from PIL import Image

    area = generator.uniform(smallest, 1.0) * picture.width * picture.height
    ratio = generator.uniform(0.75, 4 / 3)
    width = min(picture.width, max(1, round((area * ratio) ** 0.5)))
    height = min(picture.height, max(1, round((area / ratio) ** 0.5)))
    left, top = generator.integers(picture.width - width + 1), generator.integers(picture.height - height + 1)
    view = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if generator.random() < 0.5 else view


def _stock(images: np.ndarray, objective: str, batch_size: int) -> Callable[[], None]:
    """Return a turn over all images as in transformers' script, with our configuration."""
    import torch
    from PIL import Image

    pairing, prepared = _prepared(images, "masked_image", objective=objective)
    configured = pairing.task.model(prepared, 0)
    configured.config._attn_implementation = None  # transformers' default
    torch.manual_seed(0)
    model = type(configured)(configured.config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = np.random.default_rng(0)
    mean, spread = np.full(3, 0.5, np.float32), np.full(3, 0.25, np.float32)
    pictures = [Image.fromarray(image) for image in images]
    size, patches = pairing.modality.image_size, pairing.modality.patches
    hidden = math.ceil(pairing.task.hidden_share * patches)

    def example(picture: Any) -> tuple[Any, Any]:
        view = _crop_and_mirror(picture, generator, SMALLEST_CROP["masked image"], size)
        pixels = torch.from_numpy((np.asarray(view, np.float32) / 255 - mean) / spread).permute(2, 0, 1)
        mask = np.zeros(patches, dtype=int)
        mask[generator.permutation(patches)[:hidden]] = 1
        return pixels, torch.tensor(mask)

    def step() -> None:
        for begin in range(0, len(pictures), batch_size):
            examples = [example(picture) for picture in pictures[begin : begin + batch_size]]
            pixels = torch.stack([pixels for pixels, _ in examples])
            if objective == "simmim":
                masks = torch.stack([mask for _, mask in examples])
                loss = model(pixel_values=pixels, bool_masked_pos=masks.bool()).loss
            else:
                loss = model(pixel_values=pixels).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return step


def _prepared(images: np.ndarray, task: str, **flags: Any) -> tuple[Any, Any]:
    """Return a task on images of this size, and what is learned from the images before training."""
    from hf_ssl.modalities.prepared import Needs
    from hf_ssl.pretext.pairing import pair

    pairing = pair(task, "images", image_size=images.shape[1], image_column="image", **flags)
    return pairing, pairing.modality.prepare(list(images), Needs())


def _ours(images: np.ndarray, optimizer: str, **flags: Any) -> Callable[[], None]:
    """Return a step as in our loop, with flags of the task."""
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    from hf_ssl.pretext.base import Part
    from hf_ssl.training.arguments import TrainingArguments
    from hf_ssl.training.optimizers import build_optimizers
    from hf_ssl.training.step import Stepper, take_step

    pairing, prepared = _prepared(images, "masked_image", **flags)
    model = pairing.task.model(prepared, 0).train()
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    rates = TrainingArguments(optimizer=optimizer, learning_rate=1e-3, embedding_learning_rate=1e-3)  # type: ignore[arg-type] # one of the two
    optimizers = build_optimizers(model, rates, torch.bfloat16)
    stepper = Stepper(pairing.task, accelerator.prepare(model), optimizers, 1.0, accelerator)
    batch = {"image": torch.from_numpy(images).permute(0, 3, 1, 2)}
    turns = iter(range(10**9))

    def step() -> None:
        keys = torch.arange(len(images)) + next(turns) * len(images)
        take_step(stepper, [Part(pairing.task.corrupt(batch, keys, prepared), len(images))])

    return step


def _views_one_by_one(images: np.ndarray) -> Callable[[], None]:
    """Return a function that makes two views of every image, one after the other."""
    import torch
    from PIL import Image, ImageEnhance

    generator = np.random.default_rng(0)
    pictures = [Image.fromarray(image) for image in images]

    def view(picture: Any) -> Any:
        picture = _crop_and_mirror(picture, generator, SMALLEST_CROP["view"], picture.width)
        if generator.random() < 0.8:
            changes = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color]
            for place in generator.permutation(4):
                if place < 3:
                    picture = changes[place](picture).enhance(generator.uniform(0.6, 1.4))
                else:
                    hue, saturation, value = picture.convert("HSV").split()
                    turned = (np.asarray(hue) + np.uint8(generator.integers(-25, 26) % 256)).astype(np.uint8)
                    picture = Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert("RGB")
        if generator.random() < 0.2:
            picture = picture.convert("L").convert("RGB")
        return torch.from_numpy((np.asarray(picture, np.float32) / 255 - 0.5) / 0.25).permute(2, 0, 1)

    def step() -> None:
        for _ in range(2):
            torch.stack([view(picture) for picture in pictures])

    return step


def _views_as_a_batch(images: np.ndarray) -> Callable[[], None]:
    """Return a function that makes two views of every image at once."""
    import torch

    pairing, prepared = _prepared(images, "contrastive", progressive_crops=False)
    batch = {"image": torch.from_numpy(images).permute(0, 3, 1, 2)}
    turns = iter(range(10**9))

    def step() -> None:
        pairing.task.corrupt(batch, torch.arange(len(images)) + next(turns) * len(images), prepared)

    return step


if __name__ == "__main__":
    run_script(main)
