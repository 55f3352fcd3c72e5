"""Text models by size, by configuration, from a checkpoint or from third parties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.building import encoder_class, making, options, report_missing, seeded, set_dropout
from hf_ssl.modalities.text.flags import TextFlags
from hf_ssl.modalities.text.reading import separator_of
from hf_ssl.modalities.text.static import StaticConfig
from hf_ssl.modalities.text.trial import check_language_model, check_token_encoder, embeddings_of, positions_of
from hf_ssl.modalities.text.vocabulary import fast_tokenizer, fit_for_language, vocabulary_size

# Hidden size, layers, heads, inner size of the gated feed-forward. ModernBERT (Warner et al. 2024) instead of BERT: on
# 819,000 tokens of AG News, at equal size, rates and similar CPU time, its held-out loss was 5.8 versus 6.5 (unigram 7.1).
# Two layers instead of three in about the same CPU time: built-in text 4.05 versus 4.14, AG News 4.76 versus 4.95, Wikipedia 5.24
# versus 5.49.
SIZES = {"tiny": (192, 2, 3, 512), "small": (384, 6, 6, 1024), "base": (768, 22, 12, 1152)}
# Llama (Touvron et al. 2023). Untied embeddings: in 25 CPU seconds on Wikipedia, they gave 6.51 versus 6.55 (unigram 7.10),
# and they can start at the unigram loss, which gave 6.39.
DECODER_SIZES = {"tiny": (192, 3, 3, 512), "small": (384, 6, 6, 1024), "base": (768, 12, 12, 2048)}


def language_model(
    flags: TextFlags, tokenizer: PreTrainedTokenizerBase, counts: np.ndarray, seed: int, causal: bool = False
) -> PreTrainedModel:
    """Build or load a ``...ForMaskedLM``, or a ``...ForCausalLM`` with causal attention.

    Args:
        flags: flags of the model and its dropout.
        tokenizer: defines vocabulary size and special tokens.
        counts: occurrences of each token, for the output bias of a new model, which then starts at the unigram loss and
            skips the first plateau.
        seed: seed of new weights.
        causal: whether a token is predicted only from those before it.

    Raises:
        UserError: if there is no such configuration or checkpoint, or it cannot hold the blocks.
    """
    kind = "causal language model" if causal else "masked language model"
    name = flags.model_name_or_path or flags.config_name or flags.model_size
    stock: Any = AutoModelForCausalLM if causal else AutoModelForMaskedLM
    with making(kind, name), seeded(seed):  # the seed also covers weights missing from a checkpoint
        model = _made(stock, flags, _config(flags, tokenizer, causal), tokenizer)
        if not flags.model_name_or_path:
            _start_at_unigram(model, counts)
    if model.base_model is model:
        raise UserError(f"{type(model).__name__} has no separate encoder; choose another --config_name")
    if flags.model_name_or_path or flags.config_name:
        check_language_model(model, name, flags.sequence_length, causal)
    return model


def freeze_dimensions(model: PreTrainedModel, share: float) -> None:
    """Let the first dimensions of the embeddings get no gradient, and record their number in the configuration."""
    embeddings: Any = model.get_input_embeddings()
    count = round(share * embeddings.weight.shape[1])

    def without(gradient: torch.Tensor) -> torch.Tensor:
        kept = gradient.clone()
        kept[:, :count] = 0
        return kept

    embeddings.weight.register_hook(without)
    model.config.contrast_dimensions = count


def encoder_model(flags: TextFlags, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    """Build or load an encoder without a head; see `language_model`."""
    name = flags.model_name_or_path or flags.config_name or flags.model_size
    with making("text encoder", name), seeded(seed):
        config = _config(flags, tokenizer)
        model = _made(encoder_class(config), flags, config, tokenizer)
    if flags.model_name_or_path or flags.config_name:
        check_token_encoder(model, name, flags.sequence_length)
    return model


def _made(
    stock: Any, flags: TextFlags, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase
) -> PreTrainedModel:
    """Return a new model, or that of the checkpoint, with an embedding of each token: some are added after training."""
    set_dropout(config, flags.dropout)
    if flags.model_name_or_path:
        model, information = stock.from_pretrained(
            flags.model_name_or_path, config=config, **options(), use_safetensors=True, output_loading_info=True
        )
        report_missing(flags.model_name_or_path, information)
    else:
        model = stock.from_config(config, **options())
    size = vocabulary_size(tokenizer)
    if embeddings_of(model) < size:
        model.resize_token_embeddings(size)
    return model


def _config(flags: TextFlags, tokenizer: PreTrainedTokenizerBase, causal: bool = False) -> PretrainedConfig:
    name = flags.model_name_or_path or flags.config_name
    if name:
        config = AutoConfig.from_pretrained(name)
        if flags.config_name:
            config.get_text_config().update({"vocab_size": vocabulary_size(tokenizer), **_special_tokens(tokenizer)})
        if causal and hasattr(config, "is_decoder"):
            config.is_decoder = True  # BERT-like models would look ahead
        return config
    if causal:
        return _decoder_config(flags, tokenizer)
    return ModernBertConfig(
        # Blocks are short, so that a window would save nothing.
        layer_types=["full_attention"] * SIZES[flags.model_size][1],
        **_sizes(flags, tokenizer, SIZES),
        **_special_tokens(tokenizer),
    )


def _decoder_config(flags: TextFlags, tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
    return LlamaConfig(
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=separator_of(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        **_sizes(flags, tokenizer, DECODER_SIZES),
    )


def _sizes(
    flags: TextFlags, tokenizer: PreTrainedTokenizerBase, sizes: dict[str, tuple[int, int, int, int]]
) -> dict[str, Any]:
    hidden, layers, heads, inner = sizes[flags.model_size]
    return {
        "vocab_size": vocabulary_size(tokenizer),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": max(512, flags.sequence_length),
    }


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Return the ids of all special tokens; where a tokenizer has no separator, what ends a text serves as one, and so on."""
    own = {name: getattr(tokenizer, f"{name}_token_id") for name in ("pad", "cls", "sep", "bos", "eos")}
    stand_in = {"cls": "bos", "sep": "eos", "bos": "cls", "eos": "sep"}
    found = {name: own[stand_in.get(name, name)] if token is None else token for name, token in own.items()}
    return {f"{name}_token_id": token for name, token in found.items()}


def _start_at_unigram(model: PreTrainedModel, counts: np.ndarray) -> None:
    head = model.get_output_embeddings()
    logarithms = (torch.from_numpy(counts + 1.0) / (counts.sum() + len(counts))).log().float()
    with torch.no_grad():
        bias: Any = getattr(head, "bias", None)
        if bias is not None and len(bias) >= len(counts):
            bias[: len(counts)] = logarithms
        elif isinstance(model, LlamaForCausalLM) and not model.config.tie_word_embeddings:
            # Without a bias, a coordinate that is constant in all embeddings serves as one.
            decoder: Any = model.base_model
            decoder.embed_tokens.weight[:, 0] = 1.0
            tokens = torch.arange(min(64, len(counts)))[None]
            constant = decoder(input_ids=tokens).last_hidden_state[..., 0].mean()
            head.weight[: len(counts), 0] = (logarithms - logarithms.mean()) / constant


LONGEST = 128  # maximum number of tokens per text


def adopt(encoder: Any, folder: Path, name: str) -> tuple[dict[str, Any], Any] | None:
    """Return settings with the task that a model is treated as, and its tokenizer; None if it takes more than tokens.

    A model without a language-modelling head is treated as contrastive.

    Raises:
        UserError: if there is no suitable tokenizer.
    """
    config = encoder.config
    alone = not config.is_encoder_decoder and not hasattr(config, "vision_config")
    if not alone or encoder.main_input_name != "input_ids":
        return None
    tokenizer = fast_tokenizer(str(folder), name)
    architecture = str((config.architectures or [""])[0])
    if isinstance(config, StaticConfig):
        return {"task": "contrastive", "text_encoder": "static"}, tokenizer
    settings: dict[str, Any] = {
        "task": "contrastive",
        "text_encoder": "transformer",
        "sequence_length": min(LONGEST, positions_of(encoder) or LONGEST),
    }
    if architecture.endswith("ForMaskedLM"):
        fit_for_language(tokenizer, name, causal=False)
        settings["task"] = "masked_language"
    elif architecture.endswith(("ForCausalLM", "LMHeadModel")):
        fit_for_language(tokenizer, name, causal=True)
        settings["task"] = "causal_language"
    return settings, tokenizer
