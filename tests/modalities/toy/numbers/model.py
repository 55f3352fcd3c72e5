"""An encoder of number series of any lengths, one after the other in one tensor: this file alone loads its checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput


class NumbersConfig(PreTrainedConfig):
    """How many dimensions, and the scale of times and values."""

    model_type = "toy_numbers"

    def __init__(
        self, hidden_size: int = 16, mean: tuple = (0.0, 0.0), spread: tuple = (1.0, 1.0), **options: Any
    ) -> None:
        super().__init__(**options)
        self.hidden_size = hidden_size
        self.mean = list(mean)
        self.spread = list(spread)


class NumbersModel(PreTrainedModel):
    """A layer for each number, a layer that also sees the mean of its series."""

    config_class = NumbersConfig
    base_model_prefix = "encoder"
    main_input_name = "values"

    def __init__(self, config: NumbersConfig) -> None:
        super().__init__(config)
        self.numbers = nn.Linear(2, config.hidden_size)
        self.series = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            module.reset_parameters()

    def forward(
        self, times: Tensor, values: Tensor, index: Tensor, lengths: Tensor, **_: Any
    ) -> BaseModelOutputWithPooling:
        """Times, values and index (numbers,), the last says to which series each belongs; lengths (series,).

        Returns ``last_hidden_state`` (numbers, hidden_size) and its mean over each series, ``pooler_output``.
        """
        mean, spread = (values.new_tensor(scale) for scale in (self.config.mean, self.config.spread))
        numbers = self.numbers((torch.stack([times, values], 1) - mean) / spread).relu()
        hidden = self.series(torch.cat([numbers, mean_of(numbers, index, lengths)[index]], 1)).relu()
        pooled = mean_of(hidden, index, lengths)
        return BaseModelOutputWithPooling(
            last_hidden_state=hidden, pooler_output=pooled, hidden_states=(numbers, hidden)
        )


def mean_of(hidden: Tensor, index: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean over each series: (numbers, dimensions) -> (series, dimensions)."""
    sums = hidden.new_zeros(len(lengths), hidden.shape[1]).index_add(0, index, hidden)
    return sums / lengths[:, None]


class NumbersForSequenceClassification(PreTrainedModel):
    """A linear layer on the mean of a series."""

    config_class = NumbersConfig
    base_model_prefix = "encoder"
    main_input_name = "values"

    def __init__(self, config: NumbersConfig) -> None:
        super().__init__(config)
        self.encoder = NumbersModel(config)
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label or ()))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            module.reset_parameters()

    def forward(self, **inputs: Tensor) -> SequenceClassifierOutput:
        """See `NumbersModel.forward`; returns ``logits`` (series, labels)."""
        return SequenceClassifierOutput(logits=self.classifier(self.encoder(**inputs).pooler_output))


AutoConfig.register(NumbersConfig.model_type, NumbersConfig)
AutoModel.register(NumbersConfig, NumbersModel)
AutoModelForSequenceClassification.register(NumbersConfig, NumbersForSequenceClassification)
