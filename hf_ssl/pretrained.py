"""A finished run, ready to compute features."""

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
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.pretext.tasks import task_class, task_names
from hf_ssl.progress import progress_bar
from hf_ssl.training.device import has_bfloat16
from hf_ssl.training.run_folder import RunFolder


@dataclass(frozen=True)
class Pretrained:
    """What a run left behind.

    Attributes:
        path: its folder.
        task: as it was trained.
        prepared: processor and statistics.
        encoder: the model without its head.
        results: of the run.
    """

    path: Path
    task: PretextTask
    prepared: Prepared
    encoder: Any
    results: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the run: that of its folder."""
        return self.path.resolve().name

    @property
    def identity(self) -> str:
        """What no other run has."""
        return f"{self.results['run']} {self.results['cost']['steps']}"

    def untrained(self, seed: int) -> Any:
        """The same architecture with new weights (and the same fixed filters)."""
        base = self.task.config_name or self.task.model_name_or_path
        task = replace(self.task, config_name=base, model_name_or_path=None)
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
    kind = task_class(folder.config["task"])
    names = {field.name for field in dataclasses.fields(kind)}
    task = kind(**{name: value for name, value in folder.config.items() if name in names})
    from transformers import AutoModel

    with making("model", str(folder.model)), quiet():
        encoder = AutoModel.from_pretrained(folder.model, use_safetensors=True, **options())
    encoder = encoder.eval().to(torch.accelerator.current_accelerator() or "cpu")
    results = json.loads(folder.results.read_text())
    return Pretrained(path, task, task.load_prepared(folder.processor), encoder, results)


def _autocast() -> Any:
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16())
