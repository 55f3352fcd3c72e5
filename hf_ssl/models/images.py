"""Stock image models, by size, by configuration or from a checkpoint."""

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForMaskedImageModeling,
    PreTrainedConfig,
    PreTrainedModel,
    ViTConfig,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)

from hf_ssl.errors import UserError
from hf_ssl.models.configuration import making, options, report_missing, seeded, set_dropout
from hf_ssl.models.convolution import ConvolutionConfig, ConvolutionModel
from hf_ssl.models.masked_autoencoder import with_visible_embeddings

if TYPE_CHECKING:
    from hf_ssl.modalities.images import ImageTask

VIT_SIZES = {"tiny": (192, 6, 3), "small": (384, 12, 6), "base": (768, 12, 12)}  # hidden size, layers, heads
DECODER_SIZES = {"tiny": (96, 2, 3), "small": (192, 4, 6), "base": (512, 8, 16)}  # of a masked autoencoder
CONVOLUTION_SIZES = {
    "tiny": (64, 64, 128, 128, 256, 256),
    "small": (128, 128, 256, 256, 512, 512),
    "base": (256, 256, 512, 512, 1024, 1024),
}
STEM = "stem"  # the statistic that holds the filters of a convolutional encoder


def stem_filters(arguments: "ImageTask") -> int:
    """How many fixed filters the first layer of the task's model has; 0 where it has none."""
    own = arguments.config_name or arguments.model_name_or_path
    return 0 if own or arguments.architecture != "convolution" else CONVOLUTION_SIZES[arguments.model_size][0]


def encoder_model(arguments: "ImageTask", statistics: dict[str, Tensor], seed: int) -> PreTrainedModel:
    """An encoder without a head: a ViT, the convolutional one, or any that is named.

    Args:
        arguments: which model, and the dropout.
        statistics: holds the filters of a convolutional one.
        seed: of the new weights.

    Raises:
        UserError: if there is no such configuration or checkpoint.
    """
    return _build(AutoModel, arguments, _config(arguments), statistics, seed)


def classifier_model(
    arguments: "ImageTask", labels: list[str], statistics: dict[str, Tensor], seed: int
) -> PreTrainedModel:
    """A ``...ForImageClassification`` with named labels; see `encoder_model`."""
    names = dict(enumerate(labels))
    config = _config(arguments, id2label=names, label2id={label: number for number, label in names.items()})
    return _build(AutoModelForImageClassification, arguments, config, statistics, seed)


def reconstruction_model(arguments: "ImageTask", seed: int) -> PreTrainedModel:
    """A ``...ForMaskedImageModeling`` (SimMIM: Xie et al. 2022); see `encoder_model`."""
    config = _config(arguments)
    halvings = len(getattr(config, "depths", [0])) - 1  # of the grid, in hierarchical models like Swin
    config.update({"encoder_stride": config.patch_size * 2**halvings})
    if arguments.image_size % config.encoder_stride:
        raise UserError(
            f"--image_size {arguments.image_size} is no multiple of {config.encoder_stride}, the stride of the model's last layer"
        )
    return _build(AutoModelForMaskedImageModeling, arguments, config, {}, seed)


def autoencoder_model(arguments: "ImageTask", mask_ratio: float, seed: int) -> Any:
    """A ``ViTMAEForPreTraining`` (He et al. 2022); see `encoder_model`."""
    hidden, layers, heads = DECODER_SIZES[arguments.model_size]
    decoder = {
        "decoder_hidden_size": hidden,
        "decoder_num_hidden_layers": layers,
        "decoder_num_attention_heads": heads,
        "decoder_intermediate_size": 4 * hidden,
    }
    own = {} if arguments.config_name or arguments.model_name_or_path else decoder
    config = _config(arguments, kind=ViTMAEConfig, mask_ratio=mask_ratio, **own)
    if not isinstance(config, ViTMAEConfig):
        raise UserError(f"--objective mae needs a vit_mae configuration, not {config.model_type}")
    return with_visible_embeddings(_build(ViTMAEForPreTraining, arguments, config, {}, seed))


def untrained_like(model: PreTrainedModel, statistics: dict[str, Tensor], seed: int) -> PreTrainedModel:
    """The same architecture with new weights (and the same fixed filters)."""
    with seeded(seed):
        # What is hidden of an image is set in the configuration: each has its own.
        untrained = type(model)._from_config(copy.deepcopy(model.config), **options())
    placed: Any = _with_stem(untrained, statistics)
    return placed.to(model.device)


def _build(
    kind: Any, arguments: "ImageTask", config: PreTrainedConfig, statistics: dict[str, Tensor], seed: int
) -> Any:
    name = arguments.model_name_or_path or arguments.config_name or arguments.model_size
    with making(f"{arguments.name.replace('_', ' ')} model", name), seeded(seed):
        if arguments.model_name_or_path:
            model, information = kind.from_pretrained(
                name,
                config=config,
                **options(),
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # a head for other labels
            )
            report_missing(name, information)
            missing = information["missing_keys"]
        else:
            make = kind._from_config if kind is ViTMAEForPreTraining else kind.from_config
            model = make(config, **options())
            missing = set(model.state_dict())
    if kind is AutoModel and getattr(model, "pooler", None) is not None:
        _set_aside(model.pooler, new="pooler.dense.weight" in missing)
    return _with_stem(model, statistics)


def _set_aside(pooler: torch.nn.Module, new: bool) -> None:
    """A pooler that no task trains: it is saved, so that loading finds all weights; a new one does no harm."""
    for parameter in pooler.parameters() if new else ():
        if parameter.ndim == 2:
            torch.nn.init.eye_(parameter)
        else:
            torch.nn.init.zeros_(parameter)
    pooler.requires_grad_(False)


def _with_stem(model: Any, statistics: dict[str, Tensor]) -> Any:
    """Fixed filters, and the layout in which convolutions are fast."""
    encoder = model.base_model
    if isinstance(encoder, ConvolutionModel):
        if STEM in statistics:
            with torch.no_grad():
                encoder.stem.weight.copy_(statistics[STEM])
        encoder.stem.requires_grad_(False)
        model = model.to(memory_format=torch.channels_last)
    return model


def _config(arguments: "ImageTask", kind: Any = ViTConfig, **fields: Any) -> PreTrainedConfig:
    name = arguments.model_name_or_path or arguments.config_name
    shape = {"image_size": arguments.image_size, "patch_size": arguments.patch_size}
    if name:
        with making(f"{arguments.name.replace('_', ' ')} model", name):
            config = AutoConfig.from_pretrained(name)
        if arguments.config_name:
            fields |= {key: value for key, value in shape.items() if hasattr(config, key)}
        config.update(fields)
    elif kind is ViTConfig and arguments.architecture == "convolution":
        config = ConvolutionConfig(hidden_sizes=CONVOLUTION_SIZES[arguments.model_size], **fields)
    else:
        hidden, layers, heads = VIT_SIZES[arguments.model_size]
        config = kind(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * hidden,
            **shape,
            **fields,
        )
    set_dropout(config, arguments.dropout)
    if arguments.model_name_or_path and getattr(config, "image_size", arguments.image_size) != arguments.image_size:
        raise UserError(
            f"'{name}' is made for images of {config.image_size} pixels; give --image_size {config.image_size}"
        )
    return config
