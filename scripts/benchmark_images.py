"""Measure training steps on images beside stock ones: images per CPU second from decoded pixels to the optimizer's step.

    OMP_NUM_THREADS=1 taskset -c 0 python scripts/benchmark_images.py --rounds 5

The stock arms do what transformers' run_mim_no_trainer.py does in a step: a random crop, a mirror image and normalisation of
one picture after the other, a mask for each from a generator, AdamW, float32. Its transforms come from torchvision there and
are made with Pillow and numpy here. Stock MAE is the same with ViTMAEForPreTraining. The arms take turns; ratios are medians over
rounds of CPU seconds.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.errors import UserError


@dataclass
class Benchmark:
    """Sizes as in the comparison of the README."""

    rounds: int = field(default=5, metadata={"help": "Turns of each arm, after two to warm up."})
    batch_size: int = field(default=128, metadata={"help": "Images a turn, and a step of all arms but stock SimMIM."})
    stock_batch_size: int = field(default=8, metadata={"help": "Images a step of stock SimMIM: its script's default."})
    image_size: int = field(default=32, metadata={"help": "Pixels a side."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise UserError(f"--{name} must be at least 1, not {value}")
        if self.batch_size % self.stock_batch_size:
            raise UserError(f"--batch_size must be a multiple of --stock_batch_size {self.stock_batch_size}")


def main(arguments: list[str]) -> None:
    """Run the arms in turns and print their figures."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    import numpy as np
    import torch

    from hf_ssl.training.memory import keep_freed_memory

    keep_freed_memory()  # for all arms
    images = np.random.default_rng(0).integers(0, 256, (sizes.batch_size, sizes.image_size, sizes.image_size, 3))
    images = images.astype(np.uint8)
    families = {
        "SimMIM": {
            f"stock, float32, batch {sizes.stock_batch_size}": _stock(sizes, images, "simmim", sizes.stock_batch_size),
            f"stock, float32, batch {sizes.batch_size}": _stock(sizes, images, "simmim", sizes.batch_size),
            "ours, bf16, AdamW": _ours(sizes, images, {"objective": "simmim"}, "adamw"),
            "ours, bf16, Muon": _ours(sizes, images, {"objective": "simmim"}, "muon"),
        },
        "MAE": {
            f"stock, float32, batch {sizes.batch_size}": _stock(sizes, images, "mae", sizes.batch_size),
            "ours, bf16, AdamW": _ours(sizes, images, {}, "adamw"),
            "ours, bf16, Muon": _ours(sizes, images, {}, "muon"),
            "ours, light decoder, bf16, AdamW (another objective)": _ours(sizes, images, {"decoder": "light"}, "adamw"),
        },
        "SimCLR's views": {
            "one picture after the other": _views_one_by_one(images),
            "as a batch": _views_as_a_batch(sizes, images),
        },
    }
    figures = {family: _measure(arms, sizes) for family, arms in families.items()}
    for family, arms in figures.items():
        for name, figure in arms.items():
            print(
                f"{family:16}{name:54}{figure['images_per_cpu_second']:>8} images per CPU second{figure['ratio']:>8} x"
            )
    conditions = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0], **asdict(sizes)}
    print(json.dumps({"figures": figures, "conditions": conditions}), file=sys.stderr)


def _measure(arms: dict[str, Callable[[], None]], sizes: Benchmark) -> dict[str, dict[str, float]]:
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(sizes.rounds + 2):
        for name, step in arms.items():
            begun = time.process_time()
            step()
            if turn >= 2:
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
    """A random resized crop and, half of the time, a mirror image, as torchvision draws them."""
    from PIL import Image

    area = generator.uniform(smallest, 1.0) * picture.width * picture.height
    ratio = generator.uniform(0.75, 4 / 3)
    width = min(picture.width, max(1, round((area * ratio) ** 0.5)))
    height = min(picture.height, max(1, round((area / ratio) ** 0.5)))
    left, top = generator.integers(picture.width - width + 1), generator.integers(picture.height - height + 1)
    view = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if generator.random() < 0.5 else view


def _stock(sizes: Benchmark, images: Any, objective: str, batch_size: int) -> Callable[[], None]:
    import numpy as np
    import torch
    from PIL import Image

    from hf_ssl.pretext.masked_image import MaskedImage

    task = MaskedImage(image_size=sizes.image_size, objective=objective)  # type: ignore[arg-type] # one of the two
    model = _stock_model(task)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = np.random.default_rng(0)
    mean, spread = np.full(3, 0.5, np.float32), np.full(3, 0.25, np.float32)
    pictures = [Image.fromarray(image) for image in images]
    patches = (sizes.image_size // task.patch_size) ** 2

    def example(picture: Any) -> tuple[Any, Any]:
        view = np.asarray(_crop_and_mirror(picture, generator, 0.67, sizes.image_size), np.float32) / 255
        pixels = torch.from_numpy((view - mean) / spread).permute(2, 0, 1)
        mask = np.zeros(patches, dtype=int)
        mask[generator.permutation(patches)[: task.hidden_patches]] = 1
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


def _stock_model(task: Any) -> Any:
    """The same configuration as ours, attention as transformers chooses it."""
    import torch

    from hf_ssl.pretext.base import Prepared

    model = task.model(Prepared(None), 0)
    config = model.config
    config._attn_implementation = None
    torch.manual_seed(0)
    return type(model)(config).train()


def _prepared(images: Any) -> Any:
    from hf_ssl.pretext.contrastive import Contrastive

    return Contrastive(image_size=images.shape[1], image_column="image").prepare(list(images))


def _ours(sizes: Benchmark, images: Any, flags: dict[str, Any], optimizer: str) -> Callable[[], None]:
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    from hf_ssl.pretext.masked_image import MaskedImage
    from hf_ssl.training.optimizers import build_optimizers
    from hf_ssl.training.step import take_step

    task = MaskedImage(image_size=sizes.image_size, **flags)
    prepared = _prepared(images)
    model = task.model(prepared, 0).train()
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    optimizers = build_optimizers(model, optimizer, 1e-3, 1e-3, 0.0, torch.bfloat16)
    wrapped = accelerator.prepare(model)
    batch = {"image": torch.from_numpy(images).permute(0, 3, 1, 2)}
    turns = iter(range(10**9))

    def step() -> None:
        keys = torch.arange(len(images)) + next(turns) * len(images)
        take_step(task, wrapped, optimizers, [task.corrupt(batch, keys, prepared)], 1.0, accelerator)

    return step


def _views_one_by_one(images: Any) -> Callable[[], None]:
    import numpy as np
    import torch
    from PIL import Image, ImageEnhance

    generator = np.random.default_rng(0)
    pictures = [Image.fromarray(image) for image in images]

    def view(picture: Any) -> Any:
        picture = _crop_and_mirror(picture, generator, 0.2, picture.width)
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


def _views_as_a_batch(sizes: Benchmark, images: Any) -> Callable[[], None]:
    import torch

    from hf_ssl.pretext.contrastive import Contrastive

    task, prepared = Contrastive(image_size=sizes.image_size, progressive_crops=False), _prepared(images)
    batch = {"image": torch.from_numpy(images).permute(0, 3, 1, 2)}
    turns = iter(range(10**9))

    def step() -> None:
        task.corrupt(batch, torch.arange(len(images)) + next(turns) * len(images), prepared)

    return step


if __name__ == "__main__":
    run_script(main)
