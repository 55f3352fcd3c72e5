"""Compare our masked language modelling step with the stock one: tokens per CPU second, same size, same objective.

    OMP_NUM_THREADS=1 taskset -c 0 python scripts/benchmarks/masked_language.py --rounds 9

The stock arm repeats a step of transformers' run_mlm_no_trainer.py: BertForMaskedLM with its default dropout,
DataCollatorForLanguageModeling, AdamW, float32. The arms take turns; ratios of CPU seconds are medians over rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import progress_bar
from hf_ssl.common.script import run_script

WARM_UP = 2  # turns that are not counted
BATCHES = 8  # different batches, used in turn


@dataclass
class Benchmark:
    """Sizes as in the README beside this script."""

    rounds: int = field(default=7, metadata={"help": "Steps of each arm, after two warm-up steps."})
    batch_size: int = field(default=32, metadata={"help": "Blocks per step."})
    sequence_length: int = field(default=128, metadata={"help": "Tokens per block."})
    hidden_size: int = field(default=256, metadata={"help": "Width of the model."})
    layers: int = field(default=4, metadata={"help": "Layers of the model."})
    vocabulary_size: int = field(default=16384, metadata={"help": "Entries of the vocabulary."})
    mask_probability: float = field(default=0.15, metadata={"help": "Share of tokens to predict."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise UserError(f"--{name} must be above 0, not {value}")


@dataclass(frozen=True)
class Text:
    """The training data.

    Attributes:
        tokenizer: tokenizer of made-up words.
        blocks: token ids, int64 of shape (batches, batch_size, sequence_length).
    """

    tokenizer: Any
    blocks: Any


@dataclass(frozen=True)
class Arm:
    """One of our training configurations.

    Attributes:
        model_type: model type in transformers.
        optimizer: value of --optimizer.
        precision: "bf16" or "no".
    """

    model_type: str
    optimizer: str
    precision: str = "bf16"


OURS = {
    "ours, BERT, bf16, AdamW": Arm("bert", "adamw"),
    "ours, BERT, float32, AdamW": Arm("bert", "adamw", "no"),
    "ours, ModernBERT, bf16, AdamW": Arm("modernbert", "adamw"),
    "ours, ModernBERT, bf16, Muon": Arm("modernbert", "muon"),
}


def main(arguments: list[str]) -> None:
    """Run the arms in turns and print their figures."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    import torch  # heavy, like all that follows: after --help

    text = _made_up(sizes)
    arms = {"stock BERT, float32, AdamW": _stock(sizes, text)}
    arms |= {name: _ours(sizes, text, arm) for name, arm in OURS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in progress_bar("turns", range(sizes.rounds + WARM_UP), unit="turn"):
        for name, step in arms.items():
            begun = time.process_time()
            step(turn)
            if turn >= WARM_UP:
                seconds[name].append(time.process_time() - begun)
    figures = _figures(seconds, sizes.batch_size * sizes.sequence_length)
    for name, figure in figures.items():
        print(f"{name:32}{figure['tokens_per_cpu_second']:>8} tokens per CPU second{figure['ratio']:>8.2f} x")
    conditions = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0], **asdict(sizes)}
    print(json.dumps({"figures": figures, "conditions": conditions}), file=sys.stderr)


def _figures(seconds: dict[str, list[float]], tokens: int) -> dict[str, dict[str, float]]:
    """Return speed and ratio to the first arm, given the CPU seconds and the tokens of each step."""
    stock = next(iter(seconds.values()))
    return {
        name: {
            "tokens_per_cpu_second": round(tokens / statistics.median(times)),
            "ratio": round(statistics.median(s / t for s, t in zip(stock, times, strict=True)), 2),
        }
        for name, times in seconds.items()
    }


def _made_up(sizes: Benchmark) -> Text:
    """Return random tokens in full blocks: their content does not affect speed."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(sizes.vocabulary_size - 5))]
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}))
    special = dict(zip(("pad", "unk", "cls", "sep", "mask"), words, strict=False))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{k}_token": word for k, word in special.items()})
    generator = torch.Generator().manual_seed(0)
    shape = (BATCHES, sizes.batch_size, sizes.sequence_length)
    return Text(tokenizer, torch.randint(5, sizes.vocabulary_size, shape, generator=generator))


def _config(sizes: Benchmark, model_type: str) -> Any:
    from transformers import AutoConfig

    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    own: dict[str, Any] = {"layer_types": ["full_attention"] * sizes.layers} if model_type == "modernbert" else {}
    # Two thirds give ModernBERT's gated feed-forward as many weights as BERT's.
    inner = 4 * sizes.hidden_size if model_type == "bert" else max(64, 8 * sizes.hidden_size // 3 // 64 * 64)
    return AutoConfig.for_model(
        model_type,
        vocab_size=sizes.vocabulary_size,
        hidden_size=sizes.hidden_size,
        num_hidden_layers=sizes.layers,
        num_attention_heads=max(1, sizes.hidden_size // 64),
        intermediate_size=inner,
        max_position_embeddings=sizes.sequence_length,
        **special,
        **own,
    )


def _stock(sizes: Benchmark, text: Text) -> Callable[[int], None]:
    """Return a step as in transformers' script."""
    import torch
    from transformers import BertForMaskedLM, DataCollatorForLanguageModeling

    model = BertForMaskedLM(_config(sizes, "bert")).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    collate = DataCollatorForLanguageModeling(text.tokenizer, mlm_probability=sizes.mask_probability)
    rows = [[{"input_ids": row} for row in batch.tolist()] for batch in text.blocks]

    def step(turn: int) -> None:
        model(**collate(rows[turn % len(rows)])).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def _ours(sizes: Benchmark, text: Text, arm: Arm) -> Callable[[int], None]:
    """Return a step as in our loop."""
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part
    from hf_ssl.pretext.pairing import pair
    from hf_ssl.training.arguments import TrainingArguments
    from hf_ssl.training.optimizers import build_optimizers
    from hf_ssl.training.step import Stepper, take_step

    flags = {"sequence_length": sizes.sequence_length, "mask_probability": sizes.mask_probability}
    with tempfile.TemporaryDirectory() as folder:
        _config(sizes, arm.model_type).save_pretrained(folder)
        pairing = pair("masked_language", "text", config_name=folder, **flags)
        counts = torch.ones(len(text.tokenizer), dtype=torch.int64)
        prepared = Prepared(pairing.modality, text.tokenizer, {"token_counts": counts})
        model = pairing.task.model(prepared, 0).train()
    AcceleratorState._reset_state(reset_partial_state=True)  # each arm has its own precision
    accelerator = Accelerator(cpu=True, mixed_precision=arm.precision)
    rates = TrainingArguments(optimizer=arm.optimizer, learning_rate=1e-3, embedding_learning_rate=1e-3)  # type: ignore[arg-type] # one of the two
    optimizers = build_optimizers(model, rates, torch.bfloat16 if arm.precision == "bf16" else torch.float32)
    stepper = Stepper(pairing.task, accelerator.prepare(model), optimizers, 1.0, accelerator)

    def step(turn: int) -> None:
        keys = torch.arange(sizes.batch_size) + turn * sizes.batch_size
        hidden = pairing.task.corrupt({"input_ids": text.blocks[turn % BATCHES]}, keys, prepared)
        take_step(stepper, [Part(hidden, sizes.batch_size)])

    return step


if __name__ == "__main__":
    run_script(main)
