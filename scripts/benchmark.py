"""Measure a training step beside the stock one: tokens per CPU second, memory aside, same size, same objective.

    OMP_NUM_THREADS=1 taskset -c 0 python scripts/benchmark.py --rounds 9

The stock arm is what transformers' run_mlm_no_trainer.py does in a step: BertForMaskedLM with its default dropout,
DataCollatorForLanguageModeling, AdamW, float32. The arms take turns; ratios are medians over rounds of CPU seconds.
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

    rounds: int = field(default=7, metadata={"help": "Steps of each arm, after two to warm up."})
    batch_size: int = field(default=32, metadata={"help": "Blocks a step."})
    sequence_length: int = field(default=128, metadata={"help": "Tokens a block."})
    hidden_size: int = field(default=256, metadata={"help": "Width."})
    layers: int = field(default=4, metadata={"help": "Depth."})
    vocabulary_size: int = field(default=16384, metadata={"help": "Entries of the vocabulary."})
    mask_probability: float = field(default=0.15, metadata={"help": "Share of tokens to predict."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise UserError(f"--{name} must be above 0, not {value}")


def main(arguments: list[str]) -> None:
    """Run the arms in turns and print their figures."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    import torch

    tokenizer, blocks = _blocks(sizes)
    arms = {
        "stock BERT, float32, AdamW": _stock(sizes, tokenizer, blocks),
        "ours, BERT, bf16, AdamW": _ours(sizes, tokenizer, blocks, "bert", "adamw"),
        "ours, BERT, float32, AdamW": _ours(sizes, tokenizer, blocks, "bert", "adamw", precision="no"),
        "ours, ModernBERT, bf16, AdamW": _ours(sizes, tokenizer, blocks, "modernbert", "adamw"),
        "ours, ModernBERT, bf16, Muon": _ours(sizes, tokenizer, blocks, "modernbert", "muon"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(sizes.rounds + 2):
        for name, step in arms.items():
            begun = time.process_time()
            step(turn)
            if turn >= 2:
                seconds[name].append(time.process_time() - begun)
    tokens = sizes.batch_size * sizes.sequence_length
    stock = next(iter(seconds.values()))
    figures = {
        name: {
            "tokens_per_cpu_second": round(tokens / statistics.median(times)),
            "ratio": round(statistics.median(s / t for s, t in zip(stock, times, strict=True)), 2),
        }
        for name, times in seconds.items()
    }
    for name, figure in figures.items():
        print(f"{name:32}{figure['tokens_per_cpu_second']:>8} tokens per CPU second{figure['ratio']:>8.2f} x")
    conditions = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0], **asdict(sizes)}
    print(json.dumps({"figures": figures, "conditions": conditions}), file=sys.stderr)


def _blocks(sizes: Benchmark) -> tuple[Any, Any]:
    """Random tokens in full blocks: what they say does not change the speed."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(sizes.vocabulary_size - 5))]
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}))
    special = dict(zip(("pad", "unk", "cls", "sep", "mask"), words, strict=False))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{k}_token": word for k, word in special.items()})
    generator = torch.Generator().manual_seed(0)
    shape = (8, sizes.batch_size, sizes.sequence_length)
    return tokenizer, torch.randint(5, sizes.vocabulary_size, shape, generator=generator)


def _config(sizes: Benchmark, model_type: str) -> Any:
    from transformers import AutoConfig

    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    own: dict[str, Any] = {"layer_types": ["full_attention"] * sizes.layers} if model_type == "modernbert" else {}
    # Two thirds: ModernBERT's gated feed-forward then has as many weights as BERT's.
    inner = 4 * sizes.hidden_size if model_type == "bert" else 8 * sizes.hidden_size // 3 // 64 * 64
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


def _stock(sizes: Benchmark, tokenizer: Any, blocks: Any) -> Callable[[int], None]:
    import torch
    from transformers import BertForMaskedLM, DataCollatorForLanguageModeling

    model = BertForMaskedLM(_config(sizes, "bert")).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=sizes.mask_probability)
    rows = [[{"input_ids": row} for row in batch.tolist()] for batch in blocks]

    def step(turn: int) -> None:
        model(**collate(rows[turn % len(rows)])).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def _ours(
    sizes: Benchmark, tokenizer: Any, blocks: Any, model_type: str, optimizer: str, precision: str = "bf16"
) -> Callable[[int], None]:
    import tempfile

    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    from hf_ssl.pretext.base import Prepared
    from hf_ssl.pretext.masked_language import MaskedLanguage
    from hf_ssl.training.optimizers import build_optimizers
    from hf_ssl.training.step import take_step

    with tempfile.TemporaryDirectory() as folder:
        _config(sizes, model_type).save_pretrained(folder)
        task = MaskedLanguage(
            sequence_length=sizes.sequence_length, mask_probability=sizes.mask_probability, config_name=folder
        )
        prepared = Prepared(tokenizer, {"token_counts": torch.ones(len(tokenizer), dtype=torch.int64)})
        model = task.model(prepared, 0).train()
    AcceleratorState._reset_state(reset_partial_state=True)  # each arm has a precision of its own
    accelerator = Accelerator(cpu=True, mixed_precision=precision)
    optimizers = build_optimizers(
        model, optimizer, 1e-3, 1e-3, 0.0, torch.bfloat16 if precision == "bf16" else torch.float32
    )
    prepared = accelerator.prepare(model)

    def step(turn: int) -> None:
        keys = torch.arange(sizes.batch_size) + turn * sizes.batch_size
        part = task.corrupt({"input_ids": blocks[turn % len(blocks)]}, keys, prepared)
        take_step(task, prepared, optimizers, [part], 1.0, accelerator)

    return step


if __name__ == "__main__":
    run_script(main)
