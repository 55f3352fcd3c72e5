"""Classifiers: a pretrained encoder, or one with new weights, with a linear layer for labels; stock classes where there are any."""

from pathlib import Path
from typing import Any

from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    ViTForImageClassification,
)

from hf_ssl.errors import UserError
from hf_ssl.modalities.text import TextTask
from hf_ssl.models.configuration import making, options, quiet, seeded
from hf_ssl.models.convolution import ConvolutionModel
from hf_ssl.models.images import STEM
from hf_ssl.pretrained import Pretrained


def classifier_of(run: Pretrained, names: list[str], seed: int, from_scratch: bool = False) -> PreTrainedModel:
    """A classifier with the encoder of a run.

    Args:
        run: a finished run.
        names: of the labels.
        seed: of the new weights.
        from_scratch: none of the run's weights, only its architecture (and fixed filters, which no training ever moves).

    Returns:
        A ``...ForSequenceClassification`` or ``...ForImageClassification``, in training mode, on the encoder's device.

    Raises:
        UserError: if there is no classifier for such a model.
    """
    folder = run.model_folder
    with making("classifier", str(folder)), seeded(seed), quiet():  # the last layer is new, of course
        config = AutoConfig.from_pretrained(folder)
        _set_labels(config, names, run)
        kind = _class_for(run, config)
        if from_scratch:
            make = kind.from_config if hasattr(kind, "from_config") else kind._from_config
            model = make(config, **options())
            if isinstance(model.base_model, ConvolutionModel) and STEM in run.prepared.statistics:
                model.base_model.stem.weight.data.copy_(run.prepared.statistics[STEM])
        else:
            model = kind.from_pretrained(folder, config=config, use_safetensors=True, **options())
    classifier: PreTrainedModel = model.train().to(run.encoder.device)
    return classifier


def last_layer(model: PreTrainedModel) -> nn.Linear:
    """The linear layer that says the labels."""
    for name in ("classifier", "score"):
        layer = getattr(model, name, None)
        layer = getattr(layer, "out_proj", layer)
        if isinstance(layer, nn.Linear):
            return layer
    raise UserError(f"{type(model).__name__} has no linear layer at its end; its features can still be compared")


def is_text(run: Pretrained) -> bool:
    """Whether the run's inputs are texts, not images."""
    return isinstance(run.task, TextTask)


def _set_labels(config: PreTrainedConfig, names: list[str], run: Pretrained) -> None:
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    if is_text(run) and getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = run.prepared.processor.pad_token_id  # where it looks for the last token
    config.problem_type = "single_label_classification"
    if hasattr(config, "classifier_pooling"):
        config.classifier_pooling = "mean"  # nothing was ever asked of the first token alone


def _class_for(run: Pretrained, config: PreTrainedConfig) -> Any:
    if is_text(run):
        return AutoModelForSequenceClassification
    if config.model_type in ("vit_mae", "vit"):
        return ViTForImageClassification  # the Auto class does not take a masked autoencoder's checkpoint
    if type(config) not in AutoModelForImageClassification._model_mapping:
        raise UserError(
            f"there is no image classifier for a model of the kind '{config.model_type}' ({Path(run.path)}); "
            "fine-tune a run of another task"
        )
    return AutoModelForImageClassification
