"""Image models by size, by configuration or from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    ViTForImageClassification,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.building import making, options, quiet, report_missing, seeded, set_dropout, set_labels
from hf_ssl.modalities.images.colour import in_colour
from hf_ssl.modalities.images.convolution import ConvolutionConfig, ConvolutionModel
from hf_ssl.modalities.images.convolutional_autoencoder import AutoencoderConfig, AutoencoderModel
from hf_ssl.modalities.images.flags import ImageFlags
from hf_ssl.modalities.images.masked_autoencoder import with_light_decoder, with_visible_embeddings
from hf_ssl.modalities.images.trial import (
    check_classifier,
    check_encoder,
    check_patches,
    check_reconstruction,
    check_size,
)

VIT_SIZES = {"tiny": (192, 6, 3), "small": (384, 12, 6), "base": (768, 12, 12)}  # hidden size, layers, heads
DECODER_SIZES = {"tiny": (96, 2, 3), "small": (192, 4, 6), "base": (512, 8, 16)}  # of a masked autoencoder
CONVOLUTION_SIZES = {
    "tiny": (64, 64, 128, 128, 256, 256),
    "small": (128, 128, 256, 256, 512, 512),
    "base": (256, 256, 512, 512, 1024, 1024),
}
AUTOENCODER_SIZES = {"tiny": (32, 64, 128), "small": (64, 128, 256), "base": (128, 256, 512)}
STEM = "stem"  # the statistic with the filters of a convolutional encoder


def stem_filters(flags: ImageFlags) -> int:
    """Return the number of fixed filters in the first layer of the model; 0 if it has none."""
    own = flags.config_name or flags.model_name_or_path
    return 0 if own or flags.architecture != "convolution" else CONVOLUTION_SIZES[flags.model_size][0]


def encoder_model(flags: ImageFlags, statistics: dict[str, Tensor], seed: int) -> PreTrainedModel:
    """Build or load an encoder without a head: a ViT, the convolutional encoder, or any named model.

    Args:
        flags: flags of the model and its dropout.
        statistics: holds the filters of a convolutional encoder.
        seed: seed of new weights.

    Raises:
        UserError: if there is no such configuration or checkpoint.
    """
    model = _build(AutoModel, flags, _config(flags), statistics, seed)
    if name := flags.config_name or flags.model_name_or_path:
        try:
            check_encoder(model, name, flags.image_size)
        except UserError:
            check_size(model.config, flags)  # convolutional ones take any size, whatever they state
            raise
    return model


def classifier_like(folder: Path, names: list[str], statistics: dict[str, Tensor], seed: int, trained: bool) -> Any:
    """Return a ``...ForImageClassification`` with the architecture of a saved model and, if ``trained``, its weights.

    Fixed filters, which are never trained, are always those of the saved model.
    """
    with making("classifier", str(folder)), seeded(seed), quiet():  # reports would only name the new last layer
        config = set_labels(AutoConfig.from_pretrained(folder), names)
        kind = _classifier_class(config)
        if trained:
            return kind.from_pretrained(folder, config=config, use_safetensors=True, **options())
        make = kind.from_config if hasattr(kind, "from_config") else kind._from_config
        return _with_stem(make(config, **options()), statistics)


def _classifier_class(config: PreTrainedConfig) -> Any:
    if config.model_type in ("vit_mae", "vit"):
        return ViTForImageClassification  # the Auto class rejects checkpoints of masked autoencoders
    if type(config) not in AutoModelForImageClassification._model_mapping:
        raise UserError(
            f"there is no image classifier for models of type '{config.model_type}'; fine-tune a run of another task"
        )
    return AutoModelForImageClassification


def classifier_model(flags: ImageFlags, labels: list[str], statistics: dict[str, Tensor], seed: int) -> PreTrainedModel:
    """Build or load a ``...ForImageClassification`` with named labels; see `encoder_model`."""
    names = dict(enumerate(labels))
    config = _config(flags, id2label=names, label2id={label: number for number, label in names.items()})
    model = _build(AutoModelForImageClassification, flags, config, statistics, seed)
    if name := flags.config_name or flags.model_name_or_path:
        check_classifier(model, name, flags.image_size, len(labels))
    return model


def reconstruction_model(flags: ImageFlags, seed: int) -> PreTrainedModel:
    """Build or load a ``...ForMaskedImageModeling`` (SimMIM: Xie et al. 2022); see `encoder_model`."""
    config = _config(flags)
    check_patches(config, flags)
    halvings = len(getattr(config, "depths", [0])) - 1  # of the grid, in hierarchical models such as Swin
    config.update({"encoder_stride": config.patch_size * 2**halvings})
    if flags.image_size % config.encoder_stride:
        raise UserError(
            f"--image_size {flags.image_size} is no multiple of {config.encoder_stride}, the stride of the model's last layer"
        )
    model = _build(AutoModelForMaskedImageModeling, flags, config, {}, seed)
    if name := flags.config_name or flags.model_name_or_path:
        check_reconstruction(model, name, flags.image_size, flags.patch_size)
    return model


def masked_autoencoder_model(flags: ImageFlags, mask_ratio: float, seed: int, light: bool = False) -> Any:
    """Return a ``ViTMAEForPreTraining`` (He et al. 2022), or its encoder with a light decoder; see `encoder_model`."""
    hidden, layers, heads = DECODER_SIZES[flags.model_size]
    decoder = {
        "decoder_hidden_size": hidden,
        "decoder_num_hidden_layers": layers,
        "decoder_num_attention_heads": heads,
        "decoder_intermediate_size": 4 * hidden,
    }
    own = {} if flags.config_name or flags.model_name_or_path else decoder
    config = _config(flags, kind=ViTMAEConfig, mask_ratio=mask_ratio, **own)
    if not isinstance(config, ViTMAEConfig):
        raise UserError(f"--objective mae needs a vit_mae configuration, not {config.model_type}")
    check_patches(config, flags)
    model = with_visible_embeddings(_build(ViTMAEForPreTraining, flags, config, {}, seed))
    return with_light_decoder(model, seed) if light else model


def autoencoder(flags: ImageFlags, latent_size: int, variational: bool, seed: int) -> AutoencoderModel:
    """Build or load an ``AutoencoderModel`` in the memory layout that is fast for convolutions; see `encoder_model`."""
    name = flags.model_name_or_path or flags.config_name
    if not name:
        config = AutoencoderConfig(
            flags.image_size, AUTOENCODER_SIZES[flags.model_size], latent_size, variational=variational
        )
        with seeded(seed):
            model: Any = AutoencoderModel._from_config(config, **options())
        return model.to(memory_format=torch.channels_last)
    with making("autoencoder", name):
        config = AutoConfig.from_pretrained(name)
    if not isinstance(config, AutoencoderConfig):
        raise UserError(f"'{name}' is not {AutoencoderConfig.model_type} but {config.model_type}; name an autoencoder")
    for flag, value in {"variational": variational, "latent_size": latent_size}.items():
        if getattr(config, flag) != value:
            raise UserError(f"'{name}' was made with --{flag} {getattr(config, flag)}; use the same value")
    loaded: Any = encoder_model(flags, {}, seed)
    return loaded.to(memory_format=torch.channels_last)


def _build(kind: Any, flags: ImageFlags, config: PreTrainedConfig, statistics: dict[str, Tensor], seed: int) -> Any:
    name = flags.model_name_or_path or flags.config_name or flags.model_size
    with making("image model", name), seeded(seed):
        if flags.model_name_or_path:
            model, information = kind.from_pretrained(
                name,
                config=config,
                **options(),
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # a head with other labels
            )
            report_missing(name, information)
            missing = information["missing_keys"]
        else:
            make = kind._from_config if kind is ViTMAEForPreTraining else kind.from_config
            model = make(config, **options())
            missing = set(model.state_dict())
        if getattr(config, "num_channels", 3) == 1:
            model = in_colour(model)
    if kind is AutoModel and getattr(model, "pooler", None) is not None:
        _set_aside(model.pooler, new="pooler.dense.weight" in missing)
    return _with_stem(model, statistics)


def _set_aside(pooler: torch.nn.Module, new: bool) -> None:
    """Freeze a pooler that no task trains, and initialise a new one harmlessly; it is saved so that loading is complete."""
    for parameter in pooler.parameters() if new else ():
        if parameter.ndim == 2:
            torch.nn.init.eye_(parameter)
        else:
            torch.nn.init.zeros_(parameter)
    pooler.requires_grad_(False)


def _with_stem(model: Any, statistics: dict[str, Tensor]) -> Any:
    """Set the fixed filters and the memory layout that is fast for convolutions."""
    encoder = model.base_model
    if isinstance(encoder, ConvolutionModel):
        if STEM in statistics:
            with torch.no_grad():
                encoder.stem.weight.copy_(statistics[STEM])
        encoder.stem.requires_grad_(False)
        model = model.to(memory_format=torch.channels_last)
    return model


def _like(old: Any, value: int) -> Any:
    """Return a size as a configuration writes it: some have one for each side."""
    return [value] * len(old) if isinstance(old, list | tuple) else value


def _config(flags: ImageFlags, kind: Any = ViTConfig, **fields: Any) -> PreTrainedConfig:
    name = flags.model_name_or_path or flags.config_name
    shape = {"image_size": flags.image_size, "patch_size": flags.patch_size}
    if name:
        with making("image model", name):
            config = AutoConfig.from_pretrained(name)
            if flags.config_name:
                shape["num_channels"] = 3
                fields |= {
                    key: _like(getattr(config, key), value) for key, value in shape.items() if hasattr(config, key)
                }
            config.update(fields)
    elif kind is ViTConfig and flags.architecture == "convolution":
        config = ConvolutionConfig(hidden_sizes=CONVOLUTION_SIZES[flags.model_size], **fields)
    else:
        hidden, layers, heads = VIT_SIZES[flags.model_size]
        config = kind(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * hidden,
            **shape,
            **fields,
        )
    set_dropout(config, flags.dropout)
    if getattr(config, "num_channels", 3) not in (1, 3):
        raise UserError(f"'{name}' takes images of {config.num_channels} channels, and images here have three")
    return config
