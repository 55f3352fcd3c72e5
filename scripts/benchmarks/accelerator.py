"""Measure training steps on an accelerator: BERT-base and ViT-B, as share of the device's peak.

    python scripts/benchmarks/accelerator.py --seconds 10

The model FLOPs of a step count each product of the network once forward and twice backward, and none twice. The peak is
measured as the speed of one large bfloat16 product in the same process. Every arm is a whole step of our loop: corruption on
the device, loss, backward pass, clipping and Muon.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.script import run_script

SIZE = 8192  # of the product that gives the peak
VOCABULARY = 32_768
MASKED = 0.3  # share of the tokens
Step = Callable[[], None]


@dataclass
class Benchmark:
    """Sizes."""

    seconds: float = field(default=10.0, metadata={"help": "Seconds of each arm, after its warm-up."})
    text_batch: int = field(default=128, metadata={"help": "Blocks per step."})
    sequence_length: int = field(default=128, metadata={"help": "Tokens per block."})
    image_batch: int = field(default=256, metadata={"help": "Images of 224x224 pixels per step."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise UserError(f"--{name} must be above 0, not {value}")


def main(arguments: list[str]) -> None:
    """Measure both models and print their figures."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    import torch  # heavy, like all that follows: after --help

    if not torch.accelerator.is_available():
        raise UserError("there is no accelerator; masked_language.py and images.py measure a CPU")
    peak = _peak()
    say(f"{torch.cuda.get_device_name()}: {peak / 1e12:.0f} TFLOP/s in a bfloat16 product")
    figures = {}
    for name, make, unit in (("BERT-base, masked", _text, "tokens"), ("ViT-B, MAE", _images, "images")):
        for optimizer in ("adamw", "muon"):
            step, flops, units = make(sizes, optimizer)
            seconds = _seconds(step, sizes.seconds)
            figures[f"{name}, {optimizer}"] = {"per_second": units / seconds, "share_of_peak": flops / seconds / peak}
            say(
                f"{name}, {optimizer}: {units / seconds:,.0f} {unit} per second, {flops / seconds / peak:.1%} of the peak"
            )
            torch.cuda.empty_cache()
    print(json.dumps({"figures": figures, "peak": peak, **asdict(sizes)}), file=sys.stderr)


def _seconds(step: Step, least: float) -> float:
    """Return the mean seconds of a step."""
    import torch

    for _ in range(5):
        step()
    torch.accelerator.synchronize()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < least:
        step()
        torch.accelerator.synchronize()
        count += 1
    return (time.perf_counter() - begun) / count


def _peak() -> float:
    import torch

    first = torch.randn(SIZE, SIZE, device="cuda", dtype=torch.bfloat16)
    return 2 * SIZE**3 / _seconds(lambda: (first @ first, None)[1], 1.0)


def _stepper(pairing: Any, prepared: Any, optimizer: str) -> Callable[[Any], None]:
    """Return a step of our loop on a batch on the device."""
    import torch
    from accelerate import Accelerator

    from hf_ssl.pretext.base import Part
    from hf_ssl.training.arguments import TrainingArguments
    from hf_ssl.training.optimizers import build_optimizers
    from hf_ssl.training.step import Stepper, take_step

    accelerator = Accelerator(mixed_precision="bf16")
    model = pairing.task.model(prepared, 0).to(accelerator.device).train()
    rates = TrainingArguments(optimizer=optimizer, learning_rate=1e-4, embedding_learning_rate=1e-4)  # type: ignore[arg-type] # one of the two
    optimizers = build_optimizers(model, rates, torch.bfloat16)
    stepper = Stepper(pairing.task, accelerator.prepare(model), optimizers, 1.0, accelerator)

    def step(batch: Any) -> None:
        rows = len(next(iter(batch.values())))
        keys = torch.arange(rows, device=accelerator.device)
        take_step(stepper, [Part(pairing.task.corrupt(batch, keys, prepared), rows)])

    return step


def _text(sizes: Benchmark, optimizer: str) -> tuple[Step, float, int]:
    import torch
    from tokenizers import Tokenizer, models
    from transformers import BertConfig, PreTrainedTokenizerFast

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.pairing import pair

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(VOCABULARY - 5))]
    special = dict(zip(("pad", "unk", "cls", "sep", "mask"), words, strict=False))
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{k}_token": word for k, word in special.items()})
    with _saved(BertConfig(vocab_size=VOCABULARY)) as folder:
        pairing = pair(
            "masked_language",
            "text",
            config_name=folder,
            sequence_length=sizes.sequence_length,
            mask_probability=MASKED,
        )
        prepared = Prepared(pairing.modality, tokenizer, {"token_counts": torch.ones(VOCABULARY, dtype=torch.int64)})
        step = _stepper(pairing, prepared, optimizer)
    tokens = sizes.text_batch * sizes.sequence_length
    batch = {"input_ids": torch.randint(5, VOCABULARY, (sizes.text_batch, sizes.sequence_length), device="cuda")}
    width, layers, hidden = 768, 12, MASKED
    layer = 2 * 12 * width**2 + 4 * sizes.sequence_length * width
    head = hidden * 2 * (width**2 + width * VOCABULARY)
    return lambda: step(batch), 3.0 * tokens * (layers * layer + head), tokens


def _images(sizes: Benchmark, optimizer: str) -> tuple[Step, float, int]:
    import numpy as np
    import torch

    from hf_ssl.modalities.prepared import Needs
    from hf_ssl.pretext.pairing import pair

    pairing = pair("masked_image", "images", image_size=224, patch_size=16, model_size="base", architecture="vit")
    few = list(np.random.default_rng(0).integers(0, 256, (32, 224, 224, 3), np.uint8))
    prepared = pairing.modality.prepare(few, Needs())
    step = _stepper(pairing, prepared, optimizer)
    batch = {"image": torch.randint(0, 256, (sizes.image_batch, 3, 224, 224), device="cuda", dtype=torch.uint8)}
    seen, patches = 50, 197  # places of the encoder and of the decoder
    encoder = 12 * seen * (2 * 12 * 768**2 + 4 * seen * 768)
    decoder = 8 * patches * (2 * 12 * 512**2 + 4 * patches * 512)
    ends = 196 * 2 * 768 * 768 + 49 * 2 * 768 * 512 + 196 * 2 * 512 * 768
    return lambda: step(batch), 3.0 * sizes.image_batch * (encoder + decoder + ends), sizes.image_batch


def _saved(config: Any) -> Any:
    """Return a context with the folder of a configuration."""
    import contextlib
    import tempfile

    @contextlib.contextmanager
    def folder() -> Any:
        with tempfile.TemporaryDirectory() as path:
            config.save_pretrained(path)
            yield path

    return folder()


if __name__ == "__main__":
    run_script(main)
