"""Text models by size, by configuration, from a checkpoint or from third parties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModel,
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
from hf_ssl.modalities.building import making, options, report_missing, seeded, set_dropout
from hf_ssl.modalities.text.flags import TextFlags
from hf_ssl.modalities.text.reading import separator_of
from hf_ssl.modalities.text.static import StaticConfig
from hf_ssl.modalities.text.vocabulary import fast_tokenizer, fit_for_language

# Hidden size, layers, heads, inner size of the gated feed-forward. ModernBERT (Warner et al. 2024) instead of BERT: on
# 819,000 tokens of AG News, at equal size, rates and similar CPU time, its held-out loss was 5.8 versus 6.5 (unigram 7.1).
SIZES = {"tiny": (192, 3, 3, 512), "small": (384, 6, 6, 1024), "base": (768, 22, 12, 1152)}
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
        config = _config(flags, tokenizer, causal)
        set_dropout(config, flags.dropout)
        if flags.model_name_or_path:
            model, information = stock.from_pretrained(
                name, config=config, **options(), use_safetensors=True, output_loading_info=True
            )
            report_missing(name, information)
        else:
            model = stock.from_config(config, **options())
            _start_at_unigram(model, counts)
        if model.get_input_embeddings().num_embeddings < len(tokenizer):
            model.resize_token_embeddings(len(tokenizer))
    if model.base_model is model:
        raise UserError(f"{type(model).__name__} has no separate encoder; choose another --config_name")
    return model


def encoder_model(flags: TextFlags, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    """Build or load an encoder without a head; see `language_model`."""
    name = flags.model_name_or_path or flags.config_name or flags.model_size
    with making("text encoder", name), seeded(seed):
        config = _config(flags, tokenizer)
        set_dropout(config, flags.dropout)
        if not flags.model_name_or_path:
            return AutoModel.from_config(config, **options())
        model, information = AutoModel.from_pretrained(
            name, config=config, **options(), use_safetensors=True, output_loading_info=True
        )
        report_missing(name, information)
        return model


def positions_of(config: PretrainedConfig) -> int | None:
    """Return the maximum number of tokens of a model; None if there is no limit."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and "roberta" in config.model_type:
        longest -= config.pad_token_id + 1  # positions start after the id of the padding token
    return longest


def _config(flags: TextFlags, tokenizer: PreTrainedTokenizerBase, causal: bool = False) -> PretrainedConfig:
    name = flags.model_name_or_path or flags.config_name
    if name:
        config = AutoConfig.from_pretrained(name)
        longest = positions_of(config)
        if longest is not None and longest < flags.sequence_length:
            raise UserError(
                f"--sequence_length {flags.sequence_length} is longer than the {longest} positions of the model"
            )
        if flags.config_name:
            config.update({"vocab_size": len(tokenizer), **_special_tokens(tokenizer)})
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
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": max(512, flags.sequence_length),
    }


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    names = ("pad", "cls", "sep", "bos", "eos")
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in names}
    return tokens | {
        "bos_token_id": tokens["bos_token_id"] if tokens["bos_token_id"] is not None else tokens["cls_token_id"],
        "eos_token_id": tokens["eos_token_id"] if tokens["eos_token_id"] is not None else tokens["sep_token_id"],
    }


def _start_at_unigram(model: PreTrainedModel, counts: np.ndarray) -> None:
    head = model.get_output_embeddings()
    logarithms = (torch.from_numpy(counts + 1.0) / (counts.sum() + len(counts))).log().float()
    with torch.no_grad():
        if head is not None and getattr(head, "bias", None) is not None:
            head.bias[: len(counts)] = logarithms
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
        "sequence_length": min(LONGEST, positions_of(config) or LONGEST),
    }
    if architecture.endswith("ForMaskedLM"):
        fit_for_language(tokenizer, name, causal=False)
        settings["task"] = "masked_language"
    elif architecture.endswith(("ForCausalLM", "LMHeadModel")):
        fit_for_language(tokenizer, name, causal=True)
        settings["task"] = "causal_language"
    return settings, tokenizer
