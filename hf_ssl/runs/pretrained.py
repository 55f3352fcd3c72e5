"""A finished run, or a model from the Hub, ready to compute features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig

from hf_ssl.common.device import autocast
from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import progress_bar
from hf_ssl.common.run_folder import PRETRAINING, RunFolder
from hf_ssl.modalities.building import encoder_class, making, options, quiet, untrained_like
from hf_ssl.modalities.known import MODALITIES, modality_class
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.pairing import pair_recorded
from hf_ssl.runs.results import RunResults, read_results


@dataclass(frozen=True)
class Pretrained:
    """A finished run, or a model from the Hub.

    Attributes:
        name: name of the run's folder, or the model's id on the Hub.
        path: folder of the run, or of the downloaded files.
        model_folder: holds the whole model with its head, and the processor.
        task: task of the training.
        prepared: modality, processor and statistics.
        encoder: the model without its head.
        results: results of the run; None if it is unknown how the model was trained.
    """

    name: str
    path: Path
    model_folder: Path
    task: PretextTask
    prepared: Prepared
    encoder: Any
    results: RunResults | None

    @property
    def modality(self) -> Any:
        """Return the modality of its inputs."""
        return self.prepared.modality

    @property
    def identity(self) -> str:
        """Return a unique id of the run, or the id and commit of a model without one."""
        if self.results is None:
            return f"{self.name} {self.path.name}"
        return f"{self.results.run} {self.results.cost.steps}"

    def untrained(self, seed: int) -> Any:
        """Return the same architecture with new weights (and the same fixed filters)."""
        if self.results is None:
            return untrained_like(self.encoder, seed)
        prepared = self.prepared.like(self.model_folder)
        return self.task.model(prepared, seed).base_model.eval().to(self.encoder.device)

    def embed(self, encoder: Any, inputs: Sequence[Any], title: str) -> dict[str, np.ndarray]:
        """Encode inputs with the encoder or one like it: layer -> float32 of shape (inputs, dimensions)."""
        with progress_bar(title, total=len(inputs), unit="row", delay=3) as bar:
            return self.modality.embed(encoder, self.prepared, inputs, autocast, bar.update)


def load_pretrained(path: Path) -> Pretrained:
    """Load a run from its folder.

    Raises:
        UserError: if it is not a run folder, or the run is not finished.
    """
    folder = RunFolder.existing(path)
    if not folder.results.exists() or not folder.model.exists():
        raise UserError(f"the run in {path} is not finished; rerun its command to resume")
    if folder.kind != PRETRAINING:
        raise UserError(f"{path} holds a {folder.kind.replace('_', '-')} run, not a pretraining run")
    pairing = pair_recorded(folder.config)
    return Pretrained(
        name=path.resolve().name,
        path=path,
        model_folder=folder.model,
        task=pairing.task,
        prepared=pairing.modality.load_prepared(folder.processor),
        encoder=load_encoder(folder.model, str(folder.model)),
        results=read_results(folder),
    )


def load_encoder(folder: Path, name: str) -> Any:
    """Load the model in a folder without its head, ready to compute features; code in the folder is not run.

    Args:
        folder: holds config.json and weights as safetensors.
        name: name for error messages.

    Raises:
        UserError: if it cannot be loaded.
    """
    for modality in MODALITIES:
        modality_class(modality)  # registers encoders that are not transformers' own with the Auto classes
    with making("model", name), quiet():
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        encoder = encoder_class(config).from_pretrained(
            folder, config=config, use_safetensors=True, trust_remote_code=False, **options()
        )
    return encoder.eval().to(torch.accelerator.current_accelerator() or "cpu")
