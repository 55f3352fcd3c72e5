"""A panel: rows on a map, and models that fill in what is hidden of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_ssl.comparison.entries import BASELINE, PRETRAINED, UNTRAINED
from hf_ssl.data.sources import DataArguments
from hf_ssl.demo.baselines import Pixels, Tfidf, WhitenedPixels
from hf_ssl.demo.features import Features, Network
from hf_ssl.demo.index import Index
from hf_ssl.demo.masked_words import MaskedWords
from hf_ssl.demo.next_words import NextWords
from hf_ssl.demo.patches import MaskedPatches
from hf_ssl.errors import UserError
from hf_ssl.modalities.text import TextTask
from hf_ssl.models.configuration import making, options, quiet
from hf_ssl.pretrained import Pretrained

Model = MaskedWords | NextWords | MaskedPatches


@dataclass(frozen=True)
class Panel:
    """What one side of the demo, text or images, is made of.

    Attributes:
        index: rows, features, maps, clusters.
        runs: whose models are shown.
        models: name -> what fills in; empty where no run has learned to.
        data: which rows, as one would open them.
        image_size: pixels a side.
        kept: folder to keep the index in, if it is not kept already.
    """

    index: Index
    runs: list[Pretrained]
    models: dict[str, Model]
    data: DataArguments
    image_size: int
    kept: Path | None

    @property
    def source(self) -> str:
        """Name of the data set, as one would open it."""
        return self.data.dataset_name

    def titles(self) -> dict[str, str]:
        """Name of a model -> its title."""
        tasks = {run.name: run.task.name.replace("_", " ") for run in self.runs}
        return {name: f"{name} ({tasks[name]})" for name in self.models}


def kind_of(run: Pretrained) -> str:
    """What a run takes: "text" or "images"."""
    return "text" if isinstance(run.task, TextTask) else "images"


def features_of(kind: str, runs: list[Pretrained]) -> list[Features]:
    """All ways to turn rows into points: of pretrained networks, of what needs none, of the same networks untrained."""
    pretrained: list[Features] = []
    untrained: list[Features] = []
    for number, run in enumerate(runs):
        task = run.task.name.replace("_", " ")
        pretrained.append(Network(f"network_{number}", f"{task}: {run.name}", PRETRAINED, run, run.encoder))
        title = f"{task}: {run.name}, untrained"
        untrained.append(Network(f"untrained_{number}", title, UNTRAINED, run, run.untrained(0)))
    if kind == "text":
        return [*pretrained, Tfidf("tfidf", "TF-IDF", BASELINE), *untrained]
    baselines = [Pixels("pixels", "pixels", BASELINE), WhitenedPixels("pca_whitened", "whitened PCA", BASELINE)]
    return [*pretrained, *baselines, *untrained]


def models_of(runs: list[Pretrained]) -> dict[str, Model]:
    """What can be asked for hidden words, next words or patches.

    Raises:
        UserError: if a model cannot be loaded.
    """
    found: dict[str, Model] = {}
    for run in runs:
        model = _whole(run)
        if model is not None:
            found[run.name] = model
    return found


def _whole(run: Pretrained) -> Model | None:
    """The model with its head, if it predicts words or pixels."""
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForMaskedImageModeling,
        AutoModelForMaskedLM,
        ViTMAEForPreTraining,
    )

    task: Any = run.task
    architecture = (run.encoder.config.architectures or [""])[0]
    heads: dict[str, Any] = {
        "ForMaskedLM": AutoModelForMaskedLM,
        "ForCausalLM": AutoModelForCausalLM,
        "LMHeadModel": AutoModelForCausalLM,
        "ViTMAEForPreTraining": ViTMAEForPreTraining,
        "ForMaskedImageModeling": AutoModelForMaskedImageModeling,
    }
    head = next((stock for ending, stock in heads.items() if architecture.endswith(ending)), None)
    if head is None:
        return None
    with making("model", run.name), quiet():
        model = head.from_pretrained(run.model_folder, use_safetensors=True, trust_remote_code=False, **options())
    model = model.to(run.encoder.device)
    if kind_of(run) == "images":
        return MaskedPatches(run, model)
    tokenizer = run.prepared.processor
    if head is AutoModelForCausalLM:
        return NextWords(model, tokenizer, task.sequence_length)
    if tokenizer.mask_token_id is None:
        raise UserError(f"the tokenizer of '{run.name}' has no mask token; leave this model out")
    return MaskedWords(model, tokenizer, task.sequence_length)
