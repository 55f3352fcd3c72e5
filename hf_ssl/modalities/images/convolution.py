"""A small, fast-learning convolutional encoder. This file, with transformers and torch, can load its checkpoints."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndNoAttention, ImageClassifierOutputWithNoAttention


class ConvolutionConfig(PreTrainedConfig):
    """Configuration: the widths of the layers; the grid is halved after the second and the fourth."""

    model_type = "hf_ssl_convolution"

    def __init__(self, hidden_sizes: tuple[int, ...] = (64, 64, 128, 128, 256, 256), **options: Any) -> None:
        """Set the widths and the options of every configuration."""
        super().__init__(**options)
        self.hidden_sizes = list(hidden_sizes)
        self.hidden_size = self.hidden_sizes[-1]


class ConvolutionModel(PreTrainedModel):
    """A 4x4 convolution of stride 2, then 3x3 convolutions, each with a layer norm over channels and a ReLU.

    Layers that keep the width have a residual connection. The output grid has one eighth of the input size.

    The first convolution is not trained: set it to principal directions of the data, or leave it random.
    """

    config_class = ConvolutionConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"

    def __init__(self, config: ConvolutionConfig) -> None:
        """Build the model with random weights."""
        super().__init__(config)
        sizes = config.hidden_sizes
        self.stem = nn.Conv2d(3, sizes[0], 4, 2, 1, bias=False).requires_grad_(False)
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes)])
        self.norms = nn.ModuleList([nn.LayerNorm(size) for size in sizes])
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.Linear | nn.LayerNorm):
            module.reset_parameters()

    def forward(
        self, pixel_values: Tensor, output_hidden_states: bool | None = None, **_: Any
    ) -> BaseModelOutputWithPoolingAndNoAttention:
        """Encode pixel_values (rows, 3, height, width) to grids (rows, channels, height / 8, width / 8) and their mean."""
        hidden = self.stem(pixel_values.contiguous(memory_format=torch.channels_last))
        states = []
        for number, norm in enumerate(self.norms):
            before = hidden
            if number:
                hidden = self.layers[number - 1](hidden)
            hidden = norm(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            if number < len(self.norms) - 1:  # the last may be negative, so that its mean is about 0
                hidden = nn.functional.relu(hidden)
                if number > 1 and hidden.shape == before.shape:
                    hidden = hidden + before
            states.append(hidden)
            if number in (1, 3):
                hidden = nn.functional.avg_pool2d(hidden, 2)
        return BaseModelOutputWithPoolingAndNoAttention(
            last_hidden_state=hidden,
            pooler_output=hidden.mean((2, 3)),
            hidden_states=tuple(states) if output_hidden_states else None,
        )


class ConvolutionForImageClassification(PreTrainedModel):
    """An image classifier: the encoder with a linear layer on the mean of its last grid."""

    config_class = ConvolutionConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"
    _init_weights = ConvolutionModel._init_weights

    def __init__(self, config: ConvolutionConfig) -> None:
        """Build the model with random weights."""
        super().__init__(config)
        self.encoder = ConvolutionModel(config)
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label or ()))
        self.post_init()

    def forward(
        self, pixel_values: Tensor, labels: Tensor | None = None, **_: Any
    ) -> ImageClassifierOutputWithNoAttention:
        """Classify pixel_values (rows, 3, height, width): logits (rows, labels), and the loss if labels are given."""
        logits = self.classifier(self.encoder(pixel_values).pooler_output)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return ImageClassifierOutputWithNoAttention(loss=loss, logits=logits)


AutoConfig.register(ConvolutionConfig.model_type, ConvolutionConfig)
AutoModel.register(ConvolutionConfig, ConvolutionModel)
AutoModelForImageClassification.register(ConvolutionConfig, ConvolutionForImageClassification)
