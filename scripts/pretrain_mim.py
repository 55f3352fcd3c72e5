"""Pretrain a masked image model on streamed images, measure it, document it.

    python scripts/pretrain_mim.py                                              # built-in images, minutes on two cores
    python scripts/pretrain_mim.py --objective simmim --dataset_name user/data --image_column image
    python scripts/pretrain_mim.py --dataset_name folder/of/images --image_size 64 --patch_size 8 --mask_ratio 0.6

The run folder holds config.yaml, log.jsonl, checkpoints, model (ViTMAEForPreTraining or ViTForMaskedImageModeling, with its
image processor), results.json, plots and the card README.md. Rerun the command to resume from the newest checkpoint.
"""

from __future__ import annotations

from hf_ssl.common.script import run_script
from hf_ssl.hub.pretraining import run_pretraining


def main(arguments: list[str]) -> None:
    """Parse the flags and run."""
    run_pretraining(arguments, str(__doc__), task="masked_image")


if __name__ == "__main__":
    run_script(main)
