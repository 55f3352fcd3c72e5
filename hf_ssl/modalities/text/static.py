"""Text features as the mean of token embeddings: no layers, no word order, and hard to beat per CPU second."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput

SPREAD = 0.1  # standard deviation of new embeddings


class StaticConfig(PreTrainedConfig):
    """Configuration: vocabulary size and dimensions."""

    model_type = "hf_ssl_static"

    def __init__(self, vocab_size: int = 30_000, hidden_size: int = 512, **options: Any) -> None:
        """Set both, and the options of every configuration."""
        super().__init__(**options)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size


class StaticModel(PreTrainedModel):
    """The mean of token embeddings, with the weights of a ``StaticEmbedding`` of sentence-transformers."""

    config_class = StaticConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    def __init__(self, config: StaticConfig) -> None:
        """Build the model with random weights."""
        super().__init__(config)
        self.embedding = nn.EmbeddingBag(config.vocab_size, config.hidden_size, mode="mean")
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.EmbeddingBag):
            nn.init.normal_(module.weight, std=SPREAD)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutputWithPooling:
        """Pool input_ids (rows, tokens), with attention_mask (rows, tokens), to ``pooler_output`` (rows, hidden_size)."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        lengths = mask.sum(1)
        begins = lengths.cumsum(0) - lengths
        # Concatenated tokens: masked ones cost nothing.
        return BaseModelOutputWithPooling(pooler_output=self.embedding(input_ids[mask.bool()], begins))


class StaticForSequenceClassification(PreTrainedModel):
    """A classifier: a linear layer on the mean of token embeddings."""

    config_class = StaticConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    def __init__(self, config: StaticConfig) -> None:
        """Build the model with random weights."""
        super().__init__(config)
        self.encoder = StaticModel(config)
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label or ()))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.EmbeddingBag):
            nn.init.normal_(module.weight, std=SPREAD)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **_: Any
    ) -> SequenceClassifierOutput:
        """Classify input_ids and attention_mask (rows, tokens): logits (rows, labels), and the loss if labels are given."""
        logits = self.classifier(self.encoder(input_ids, attention_mask).pooler_output)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


AutoConfig.register(StaticConfig.model_type, StaticConfig)
AutoModel.register(StaticConfig, StaticModel)
AutoModelForSequenceClassification.register(StaticConfig, StaticForSequenceClassification)
