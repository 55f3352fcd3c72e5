"""Pretrain a masked language model on streamed text, measure it, document it.

    python scripts/pretrain_mlm.py                                          # built-in text, a few minutes on two cores
    python scripts/pretrain_mlm.py --dataset_name user/data --text_column text --output_dir runs/mine
    python scripts/pretrain_mlm.py --config scripts/configs/text_small.yaml --dataset_name folder/of/parquet
    torchrun --nproc_per_node 2 scripts/pretrain_mlm.py ...                 # several processes, the same batches

The run folder holds config.yaml, log.jsonl, checkpoints, model (for transformers' Auto classes), results.json, plots and the
card README.md. Rerun the command to resume from the newest checkpoint, with exactly the figures of an uninterrupted run.
"""

from __future__ import annotations

from hf_ssl.common.script import run_script
from hf_ssl.hub.pretraining import run_pretraining


def main(arguments: list[str]) -> None:
    """Parse the flags and run."""
    run_pretraining(arguments, str(__doc__), task="masked_language")


if __name__ == "__main__":
    run_script(main)
