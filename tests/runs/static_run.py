"""A run that fine-tuning begins with."""

from __future__ import annotations

from pathlib import Path

from conftest import SMALL, pretrain

STATIC = ["--task=contrastive", "--batch_size=64", "--embedding_size=32", "--sequence_length=64"]


def pretrain_static(folder: Path, data: Path) -> Path:
    """Pretrain a static encoder of texts and return its run folder."""
    pretrain(*SMALL, *STATIC, "--dataset_name", data, "--output_dir", folder, script="pretrain.py")
    return folder
