"""Pretrain a masked language model on streamed text, measure it, document it.

    python scripts/pretrain_mlm.py                                          # built-in text, a few minutes on two cores
    python scripts/pretrain_mlm.py --dataset_name user/data --text_column text --output_dir runs/mine
    python scripts/pretrain_mlm.py --config scripts/configs/text_small.yaml --dataset_name folder/of/parquet
    torchrun --nproc_per_node 2 scripts/pretrain_mlm.py ...                 # several processes, the same batches

The run folder holds config.yaml, log.jsonl, checkpoints, model (for transformers' Auto classes), results.json, plots and the
card README.md. The same command goes on from the newest checkpoint, with exactly the figures of a run that was never stopped.
"""

import os
import shlex
import sys

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.data.sources import DataArguments
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.training.arguments import TrainingArguments


def main(arguments: list[str]) -> None:
    """Parse the flags, run."""
    task, data, training = parse_arguments([MaskedLanguage, DataArguments, TrainingArguments], arguments, str(__doc__))

    from hf_ssl.pipeline import pretrain_masked_language  # heavy: after --help

    launcher = ["torchrun", "--nproc_per_node", os.environ["WORLD_SIZE"]] if "WORLD_SIZE" in os.environ else ["python"]
    pretrain_masked_language(task, data, training, shlex.join([*launcher, sys.argv[0], *arguments]))


if __name__ == "__main__":
    run_script(main)
