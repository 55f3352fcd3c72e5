"""A text's features as the mean of its tokens' embeddings: no layer, no order, and hard to beat per CPU second."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

SPREAD = 0.1  # of new embeddings


class StaticConfig(PreTrainedConfig):
    """How many tokens, how many dimensions."""

    model_type = "hf_ssl_static"

    def __init__(self, vocab_size: int = 30_000, hidden_size: int = 512, **options: Any) -> None:
        """Name both, and what every configuration has."""
        super().__init__(**options)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size


class StaticModel(PreTrainedModel):
    """The mean of embeddings. Its weights are those of a ``StaticEmbedding`` of sentence-transformers."""

    config_class = StaticConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    def __init__(self, config: StaticConfig) -> None:
        """Build it with random weights."""
        super().__init__(config)
        self.embedding = nn.EmbeddingBag(config.vocab_size, config.hidden_size, mode="mean")
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.EmbeddingBag):
            nn.init.normal_(module.weight, std=SPREAD)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutputWithPooling:
        """input_ids (rows, tokens), attention_mask (rows, tokens) of 0 and 1 -> ``pooler_output`` (rows, hidden_size)."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        lengths = mask.sum(1)
        begins = lengths.cumsum(0) - lengths
        # Tokens one after the other: what is masked costs nothing.
        return BaseModelOutputWithPooling(pooler_output=self.embedding(input_ids[mask.bool()], begins))


AutoConfig.register(StaticConfig.model_type, StaticConfig)
AutoModel.register(StaticConfig, StaticModel)
