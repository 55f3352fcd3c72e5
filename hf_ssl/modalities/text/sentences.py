"""Encoders of whole texts: files for sentence-transformers, and classifiers built on encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from hf_ssl.modalities.building import making, options, quiet, seeded, set_labels
from hf_ssl.modalities.text.static import StaticConfig, StaticModel
from hf_ssl.modalities.text.vocabulary import vocabulary_size

# Module lists from which sentence-transformers builds a model.
STATIC = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
TRANSFORMER = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


def static_encoder(tokenizer: PreTrainedTokenizerBase, dimensions: int, seed: int) -> StaticModel:
    """Return a new `StaticModel` for a tokenizer."""
    with seeded(seed):
        return StaticModel(StaticConfig(vocabulary_size(tokenizer), dimensions))


def write_modules(encoder: PreTrainedModel, folder: Path) -> None:
    """Write the files that sentence-transformers needs with a model and its tokenizer."""
    static = isinstance(encoder, StaticModel)
    (folder / "modules.json").write_text(json.dumps(STATIC if static else TRANSFORMER, indent=2), encoding="utf-8")
    if not static:
        (folder / "1_Pooling").mkdir()
        pooling = {"word_embedding_dimension": encoder.config.hidden_size, "pooling_mode_mean_tokens": True}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2), encoding="utf-8")


def text_classifier(
    folder: Path, names: list[str], tokenizer: PreTrainedTokenizerBase, seed: int, trained: bool
) -> PreTrainedModel:
    """Return a ``...ForSequenceClassification`` with the architecture of a saved model and, if ``trained``, its weights."""
    with making("classifier", str(folder)), seeded(seed), quiet():  # reports would only name the new last layer
        config = set_labels(AutoConfig.from_pretrained(folder), names)
        _set_pooling(config, tokenizer)
        kind: Any = AutoModelForSequenceClassification
        if trained:
            return kind.from_pretrained(folder, config=config, use_safetensors=True, **options())
        return kind.from_config(config, **options())


def _set_pooling(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = tokenizer.pad_token_id  # needed to find the last token
    if hasattr(config, "classifier_pooling"):
        config.classifier_pooling = "mean"  # pretraining never used the first token alone
