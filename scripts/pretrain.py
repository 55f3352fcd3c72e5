"""Pretrain with any pretext task on a streamed data set, measure what it was worth, document it.

    python scripts/pretrain.py --task contrastive                                # built-in images, minutes on two cores
    python scripts/pretrain.py --task rotation --dataset_name user/data --output_dir runs/turned
    python scripts/pretrain.py --task contrastive --help                         # all flags of a task

Data sets hold images (Parquet, folders, webdataset tars) or text, on the Hub or on disk. The run folder holds config.yaml,
log.jsonl, checkpoints, model, results.json, plots and the card README.md. The same command goes on from the newest checkpoint.
"""

import sys

from hf_ssl.command_line import run_pretraining, run_script


def main(arguments: list[str]) -> None:
    """Parse the flags of the task, run."""
    run_pretraining(arguments, str(__doc__), [sys.argv[0], *arguments], task=None)


if __name__ == "__main__":
    run_script(main)
