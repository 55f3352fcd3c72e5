"""A finished run, or a model of the Hub, ready to compute features."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hf_ssl.errors import UserError
from hf_ssl.models import autoencoder, convolution, static  # noqa: F401 - the Auto classes learn of them
from hf_ssl.models.configuration import making, options, quiet
from hf_ssl.models.images import untrained_like
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.pretext.tasks import task_class, task_names
from hf_ssl.progress import progress_bar
from hf_ssl.training.device import has_bfloat16
from hf_ssl.training.run_folder import RunFolder


@dataclass(frozen=True)
class Pretrained:
    """What a run left behind, or a model of the Hub.

    Attributes:
        name: of the run, that of its folder; of a model of the Hub its id.
        path: the run's folder, or that of the downloaded files.
        model_folder: holds the whole model with its head, and the processor.
        task: as it was trained.
        prepared: processor and statistics.
        encoder: the model without its head.
        results: of the run; empty where it is not known how the model was made.
    """

    name: str
    path: Path
    model_folder: Path
    task: PretextTask
    prepared: Prepared
    encoder: Any
    results: dict[str, Any]

    @property
    def identity(self) -> str:
        """What no other run has; of a model that no run made here, its id and commit."""
        if not self.results:
            return f"{self.name} {self.path.name}"
        return f"{self.results['run']} {self.results['cost']['steps']}"

    def untrained(self, seed: int) -> Any:
        """The same architecture with new weights (and the same fixed filters)."""
        if not self.results:
            return untrained_like(self.encoder, {}, seed).eval()
        # What the task began with may lie on another machine; its configuration is the model's.
        base = self.task.config_name or self.task.model_name_or_path
        task = replace(self.task, config_name=str(self.model_folder) if base else None, model_name_or_path=None)
        return task.model(self.prepared, seed).base_model.eval().to(self.encoder.device)

    def embed(self, encoder: Any, inputs: Sequence[Any], title: str) -> dict[str, np.ndarray]:
        """Features of inputs by the encoder or one like it: layer -> float32 of shape (inputs, dimensions)."""
        with progress_bar(title, total=len(inputs), unit="row", delay=3) as bar:
            return self.task.embed(encoder, self.prepared, inputs, _autocast, bar.update)


def load_pretrained(path: Path) -> Pretrained:
    """Load a run from its folder.

    Raises:
        UserError: if it is no run's folder, or the run was not finished.
    """
    folder = RunFolder.existing(path)
    if not folder.results.exists() or not folder.model.exists():
        raise UserError(f"the run in {path} is not finished; run its command again to go on with it")
    if folder.config["task"] not in task_names():
        raise UserError(f"{path} holds a {folder.config['task'].replace('_', ' ')}, not a pretraining run")
    task = task_class(folder.config["task"])(**settings_of(folder.config))
    return Pretrained(
        name=path.resolve().name,
        path=path,
        model_folder=folder.model,
        task=task,
        prepared=task.load_prepared(folder.processor),
        encoder=load_encoder(folder.model, str(folder.model)),
        results=json.loads(folder.results.read_text()),
    )


def settings_of(config: dict[str, Any]) -> dict[str, Any]:
    """The fields of the task among all flags of a pretraining run."""
    names = {field.name for field in dataclasses.fields(task_class(config["task"]))}
    return {name: value for name, value in config.items() if name in names}


def load_encoder(folder: Path, name: str) -> Any:
    """The model in a folder without its head, ready to compute features; no code of the folder's own is run.

    Args:
        folder: holds config.json and weights as safetensors.
        name: by which the user knows it.

    Raises:
        UserError: if it cannot be loaded.
    """
    from transformers import AutoModel

    with making("model", name), quiet():
        encoder = AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False, **options())
    return encoder.eval().to(torch.accelerator.current_accelerator() or "cpu")


def _autocast() -> Any:
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16())
