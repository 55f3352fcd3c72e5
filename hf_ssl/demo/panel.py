"""A panel: rows on a map, and models that fill in what is hidden of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED
from hf_ssl.data.arguments import DataArguments
from hf_ssl.demo.index import SEED, Index
from hf_ssl.demo.points import Features, Network
from hf_ssl.modalities.base import Modality
from hf_ssl.runs.pretrained import Pretrained


@dataclass(frozen=True)
class Panel:
    """What the demo shows of one modality.

    Attributes:
        index: rows, features, maps, clusters.
        runs: whose models are shown.
        models: name -> a model that fills in what is hidden; empty where no run has learned to.
        data: which rows, as one would open them.
        kept: folder to keep the index in, if it is not kept already.
    """

    index: Index
    runs: list[Pretrained]
    models: dict[str, Any]
    data: DataArguments
    kept: Path | None

    @property
    def modality(self) -> Modality:
        """Return the modality of the rows."""
        return self.index.rows.modality

    @property
    def source(self) -> str:
        """Return the name of the data set, as one would open it."""
        return self.data.dataset_name

    def titles(self) -> dict[str, str]:
        """Return name of a model -> its title."""
        titles = {run.name: _title(run) for run in self.runs}
        return {name: titles[name] for name in self.models}


def features_of(modality: Modality, runs: list[Pretrained]) -> list[Features]:
    """Return all ways to turn rows into points: by pretrained networks, without any, by the same networks untrained."""
    pretrained: list[Features] = []
    untrained: list[Features] = []
    for number, run in enumerate(runs):
        title = f"{run.task.name.replace('_', ' ')}: {run.name}"
        network = Network(run, run.encoder, title)
        pretrained.append(Features(f"network_{number}", title, PRETRAINED, network))
        title += ", untrained"
        network = Network(run, run.untrained(SEED), title)
        untrained.append(Features(f"untrained_{number}", title, UNTRAINED, network))
    baselines = [Features(each.name, each.title, BASELINE, each) for each in modality.baselines(SEED) if each.on_map]
    return [*pretrained, *baselines, *untrained]


def _title(run: Pretrained) -> str:
    return f"{run.name} ({run.task.name.replace('_', ' ')})"
