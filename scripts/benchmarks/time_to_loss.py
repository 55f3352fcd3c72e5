"""Compare the CPU time that our command and the stock loop take until a masked language model has learned something.

    OMP_NUM_THREADS=1 taskset -c 0 python scripts/benchmarks/time_to_loss.py --dataset_name user/data

The target is a held-out loss that is 0.3 nats below predicting from token frequencies alone. Ours is the real command, from the
start of its process until the model is saved. The stock loop repeats transformers' run_mlm_no_trainer.py: BertForMaskedLM of the same width and
depth with its default dropout, the same tokenizer, 15 % of the tokens hidden, batches of 32, AdamW, float32; only its steps are
timed. Both models are evaluated in the same way: on the same rows, with the same tokens hidden.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import print_once, progress_bar
from hf_ssl.common.script import run_script

SCRIPT = Path(__file__).parents[1] / "pretrain_mlm.py"
LENGTH = 128  # tokens a block
BATCH_SIZE = 32  # of the stock loop
EVERY = 20  # steps between evaluations of the stock loop, which are not timed
WARM_UP = 100  # steps of its learning rate
HIDDEN = 0.15  # share of tokens


@dataclass
class Benchmark:
    """What to learn, and for how long."""

    dataset_name: str = field(metadata={"help": "Data set with a text column."})
    text_column: str = field(default="text", metadata={"help": "Column with the texts."})
    rows: int = field(default=20000, metadata={"help": "Rows to train on, and a tenth as many to evaluate on."})
    below_unigram: float = field(default=0.3, metadata={"help": "Target, in nats below the unigram loss."})
    max_steps: int = field(default=50, metadata={"help": "Steps of our command."})
    stock_steps: int = field(default=1500, metadata={"help": "Most steps of the stock loop."})
    stock_learning_rate: float = field(
        default=1e-3, metadata={"help": "Rate of the stock loop, constant after warm-up."}
    )

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, int | float) and not value > 0:
                raise UserError(f"--{name} must be above 0, not {value}")


def main(arguments: list[str]) -> None:
    """Train both and print the table."""
    (asked,) = parse_arguments([Benchmark], arguments, str(__doc__))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, heldout = _texts(asked, folder)
        ours = _run_ours(asked, folder)
        evaluation = Evaluation.of(folder / "run" / "model", train, heldout)
        ours["below_unigram"] = round(evaluation.unigram - evaluation.loss_of(_load(folder / "run" / "model")), 3)
        print_once(
            f"ours: {ours['below_unigram']} nats below {evaluation.unigram:.3f} after {ours['cpu_seconds']} CPU seconds"
        )
        stock = _run_stock(asked, evaluation, train, folder / "run" / "model")
    print(f"{'':8}{'CPU seconds':>14}{'tokens':>12}{'nats below unigram':>22}{'MiB at most':>14}")
    for name, found in {"ours": ours, "stock": stock}.items():
        figures = f"{found['cpu_seconds']:>14}{found['tokens']:>12,}{found['below_unigram']:>22}{found['peak_mib']:>14}"
        print(f"{name:8}{figures}")
    ratio = round(stock["cpu_seconds"] / ours["cpu_seconds"], 1)
    conditions = {"cores": os.cpu_count(), "load": os.getloadavg()[0], **asdict(asked)}
    print(json.dumps({"ours": ours, "stock": stock, "ratio": ratio, "conditions": conditions}), file=sys.stderr)


def _texts(asked: Benchmark, folder: Path) -> tuple[list[str], list[str]]:
    """Write rows without labels as a data set of two splits; return its texts."""
    from datasets import load_dataset

    rows = load_dataset(asked.dataset_name, split="train", streaming=True).select_columns([asked.text_column])
    texts = [row[asked.text_column] for row in rows.take(asked.rows * 11 // 10)]
    heldout, train = texts[: len(texts) // 11], texts[len(texts) // 11 :]
    for split, some in {"train": train, "test": heldout}.items():
        lines = [json.dumps({"text": text}) for text in some]
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return train, heldout


def _run_ours(asked: Benchmark, folder: Path) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), "--dataset_name", str(folder / "data"), "--eval_split", "test"]
    command += ["--output_dir", str(folder / "run"), "--contrast_steps", "0", "--max_steps", str(asked.max_steps)]
    output, seconds = folder / "output.txt", 0.0
    with output.open("wb") as written:
        process = psutil.Popen(command, stdout=written, stderr=written)
    while process.poll() is None:
        if not seconds and (folder / "run" / "model").exists():
            seconds = sum(process.cpu_times()[:4])  # with children
        time.sleep(0.02)
    if process.returncode:
        raise UserError(f"our command failed: {output.read_text(encoding='utf-8')[-500:]}")
    tokens = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))["cost"]["tokens"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return {"cpu_seconds": round(seconds, 1), "tokens": tokens, "peak_mib": peak}


def _load(folder: Path) -> Any:
    from transformers import AutoModelForMaskedLM

    return AutoModelForMaskedLM.from_pretrained(folder)


@dataclass(frozen=True)
class Evaluation:
    """Held-out blocks with hidden tokens.

    Attributes:
        inputs: int64 of shape (blocks, LENGTH).
        labels: the hidden tokens, of the same shape; -100 elsewhere.
        unigram: loss of predicting from the frequencies of the training tokens.
    """

    inputs: Any
    labels: Any
    unigram: float

    @classmethod
    def of(cls, tokenizer_folder: Path, train: list[str], heldout: list[str]) -> Evaluation:
        """Hide tokens of the held-out texts."""
        import torch
        from transformers import DataCollatorForLanguageModeling, set_seed

        tokenizer, blocks = _blocks(tokenizer_folder, heldout)
        set_seed(0)
        hidden = DataCollatorForLanguageModeling(tokenizer, mlm_probability=HIDDEN)(
            [{"input_ids": b} for b in blocks[:400]]
        )
        counts = torch.ones(len(tokenizer))
        counts += torch.bincount(torch.tensor(_blocks(tokenizer_folder, train)[1]).flatten(), minlength=len(tokenizer))
        chosen = hidden["labels"][hidden["labels"] >= 0]
        return cls(hidden["input_ids"], hidden["labels"], float(-(counts / counts.sum()).log()[chosen].mean()))

    def loss_of(self, model: Any) -> float:
        """Return the mean loss of the hidden tokens."""
        import torch

        was_training = model.training
        model.eval()
        losses = []
        with torch.inference_mode():
            for inputs, labels in zip(self.inputs.split(16), self.labels.split(16), strict=True):
                scores = model(input_ids=inputs).logits[labels >= 0]
                losses.append(torch.nn.functional.cross_entropy(scores, labels[labels >= 0], reduction="none"))
        model.train(was_training)
        return float(torch.cat(losses).mean())


def _blocks(tokenizer_folder: Path, texts: list[str]) -> tuple[Any, list[list[int]]]:
    """Return the tokenizer, and all texts one after the other, cut into blocks, as transformers' script does."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    ids = [token for text in tokenizer(texts, verbose=False)["input_ids"] for token in text]
    return tokenizer, [ids[begin : begin + LENGTH] for begin in range(0, len(ids) - LENGTH + 1, LENGTH)]


def _run_stock(asked: Benchmark, evaluation: Evaluation, train: list[str], ours: Path) -> dict[str, Any]:
    """Train the stock loop until it reaches the target, or its steps are used up."""
    import torch
    from transformers import AutoConfig, BertConfig, BertForMaskedLM, DataCollatorForLanguageModeling, set_seed

    tokenizer, blocks = _blocks(ours, train)
    shape = AutoConfig.from_pretrained(ours)
    set_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        intermediate_size=4 * shape.hidden_size,
        max_position_embeddings=LENGTH,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BertForMaskedLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=asked.stock_learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARM_UP))
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=HIDDEN)
    order = torch.randperm(len(blocks)).tolist()
    seconds, found = 0.0, 0.0
    for step in progress_bar("stock loop", range(asked.stock_steps), unit="step"):
        begun = time.process_time()
        places = [order[(step * BATCH_SIZE + n) % len(order)] for n in range(BATCH_SIZE)]
        model(**collate([{"input_ids": blocks[place]} for place in places])).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        seconds += time.process_time() - begun
        if (step + 1) % EVERY == 0 or step + 1 == asked.stock_steps:
            found = round(evaluation.unigram - evaluation.loss_of(model), 3)
            print_once(f"stock: {found} nats below unigram after {step + 1} steps, {seconds:.0f} CPU seconds")
            if found >= asked.below_unigram:
                break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "cpu_seconds": round(seconds, 1),
        "tokens": (step + 1) * BATCH_SIZE * LENGTH,
        "below_unigram": found,
        "peak_mib": peak,
    }


if __name__ == "__main__":
    run_script(main)
