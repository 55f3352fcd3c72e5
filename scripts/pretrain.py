"""Pretrain with any pretext task on a streamed data set, measure the model, document it.

    python scripts/pretrain.py --task contrastive                                # built-in images, minutes on two cores
    python scripts/pretrain.py --task rotation --dataset_name user/data --output_dir runs/turned
    python scripts/pretrain.py --task contrastive --help                         # all flags of a task

Data sets hold images (Parquet, folders, webdataset tars) or text, on the Hub or on disk. The run folder holds config.yaml,
log.jsonl, checkpoints, model, results.json, plots and the card README.md. Rerun the command to resume.
"""

from __future__ import annotations

from hf_ssl.common.script import run_script
from hf_ssl.hub.pretraining import run_pretraining


def main(arguments: list[str]) -> None:
    """Parse the flags and run."""
    run_pretraining(arguments, str(__doc__))


if __name__ == "__main__":
    run_script(main)
