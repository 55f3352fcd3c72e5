"""Pretrain a masked language model on streamed text, measure it, document it.

    python scripts/pretrain_mlm.py                                          # built-in text, a few minutes on two cores
    python scripts/pretrain_mlm.py --dataset_name user/data --text_column text --output_dir runs/mine
    python scripts/pretrain_mlm.py --config scripts/configs/text_small.yaml --dataset_name folder/of/parquet
    torchrun --nproc_per_node 2 scripts/pretrain_mlm.py ...                 # several processes, the same batches

The run folder holds config.yaml, log.jsonl, checkpoints, model (for transformers' Auto classes), results.json, plots and the
card README.md. The same command goes on from the newest checkpoint, with exactly the figures of a run that was never stopped.
"""

import sys

from hf_ssl.command_line import run_pretraining, run_script


def main(arguments: list[str]) -> None:
    """Parse the flags, run."""
    run_pretraining(arguments, str(__doc__), [sys.argv[0], *arguments], task="masked_language")


if __name__ == "__main__":
    run_script(main)
