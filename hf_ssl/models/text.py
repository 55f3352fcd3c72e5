"""Stock text models, by size, by configuration or from a checkpoint."""

from typing import TYPE_CHECKING, Any

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

from hf_ssl.data.text import separator_of
from hf_ssl.errors import UserError
from hf_ssl.models.configuration import making, options, report_missing, seeded, set_dropout

if TYPE_CHECKING:
    from hf_ssl.modalities.text import TextTask

# hidden size, layers, heads, inner size of the gated feed-forward. ModernBERT (Warner et al. 2024) rather than BERT: with
# 819,000 tokens of AG News, at equal size, rates and about equal CPU time, its held-out loss was 5.8 against 6.5 (unigram 7.1).
SIZES = {"tiny": (192, 3, 3, 512), "small": (384, 6, 6, 1024), "base": (768, 22, 12, 1152)}
# Llama (Touvron et al. 2023). Its two tables are apart: on Wikipedia, 25 CPU seconds, that gave 6.51 against 6.55 (unigram 7.10),
# and they can start at the unigram loss, which gave 6.39.
DECODER_SIZES = {"tiny": (192, 3, 3, 512), "small": (384, 6, 6, 1024), "base": (768, 12, 12, 2048)}


def masked_language_model(
    arguments: "TextTask", tokenizer: PreTrainedTokenizerBase, counts: np.ndarray, seed: int
) -> PreTrainedModel:
    """Build or load a ``...ForMaskedLM`` for a tokenizer.

    Args:
        arguments: which model, and the dropout.
        tokenizer: gives vocabulary size and special tokens.
        counts: occurrences of each token, for the output bias of a new model: it starts at the unigram loss, without
            the first plateau.
        seed: of the new weights.

    Raises:
        UserError: if there is no such configuration or checkpoint, or it cannot hold the blocks.
    """
    return _language_model("masked language model", arguments, tokenizer, counts, seed)


def causal_language_model(
    arguments: "TextTask", tokenizer: PreTrainedTokenizerBase, counts: np.ndarray, seed: int
) -> PreTrainedModel:
    """Build or load a ``...ForCausalLM`` that looks back only; see `masked_language_model`."""
    return _language_model("causal language model", arguments, tokenizer, counts, seed)


def _language_model(
    kind: str, arguments: "TextTask", tokenizer: PreTrainedTokenizerBase, counts: np.ndarray, seed: int
) -> PreTrainedModel:
    name = arguments.model_name_or_path or arguments.config_name or arguments.model_size
    stock = _stock(arguments.causal)
    with making(kind, name), seeded(seed):  # the seed also for what a checkpoint lacks
        config = _config(arguments, tokenizer)
        set_dropout(config, arguments.dropout)
        if arguments.model_name_or_path:
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


def _stock(causal: bool) -> Any:
    return AutoModelForCausalLM if causal else AutoModelForMaskedLM


def encoder_model(arguments: "TextTask", tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    """Build or load an encoder without a head; see `masked_language_model`."""
    name = arguments.model_name_or_path or arguments.config_name or arguments.model_size
    with making("text encoder", name), seeded(seed):
        config = _config(arguments, tokenizer)
        set_dropout(config, arguments.dropout)
        if not arguments.model_name_or_path:
            return AutoModel.from_config(config, **options())
        model, information = AutoModel.from_pretrained(
            name, config=config, **options(), use_safetensors=True, output_loading_info=True
        )
        report_missing(name, information)
        return model


def untrained_like(model: PreTrainedModel, seed: int, causal: bool = False) -> PreTrainedModel:
    """The same architecture with new weights."""
    with seeded(seed):
        untrained = _stock(causal).from_config(model.config, **options())
    return untrained.to(model.device)


def positions_of(config: PretrainedConfig) -> int | None:
    """How many tokens a model takes at most; None where there is no limit."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and "roberta" in config.model_type:
        longest -= config.pad_token_id + 1  # its positions start behind the padding token's number
    return longest


def _config(arguments: "TextTask", tokenizer: PreTrainedTokenizerBase) -> PretrainedConfig:
    name = arguments.model_name_or_path or arguments.config_name
    if name:
        config = AutoConfig.from_pretrained(name)
        longest = positions_of(config)
        if longest is not None and longest < arguments.sequence_length:
            raise UserError(
                f"--sequence_length {arguments.sequence_length} is longer than the {longest} positions of the model"
            )
        if arguments.config_name:
            config.update({"vocab_size": len(tokenizer), **_special_tokens(tokenizer)})
        if arguments.causal and hasattr(config, "is_decoder"):
            config.is_decoder = True  # BERT and its kin would look ahead
        return config
    if arguments.causal:
        return _decoder_config(arguments, tokenizer)
    hidden, layers, heads, inner = SIZES[arguments.model_size]
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=max(512, arguments.sequence_length),
        layer_types=["full_attention"] * layers,  # blocks are short: a window would save nothing
        **_special_tokens(tokenizer),
    )


def _decoder_config(arguments: "TextTask", tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
    hidden, layers, heads, inner = DECODER_SIZES[arguments.model_size]
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=max(512, arguments.sequence_length),
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=separator_of(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )


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
            # No bias: a coordinate that is the same in all embeddings takes its place.
            decoder: Any = model.base_model
            decoder.embed_tokens.weight[:, 0] = 1.0
            tokens = torch.arange(min(64, len(counts)))[None]
            constant = decoder(input_ids=tokens).last_hidden_state[..., 0].mean()
            head.weight[: len(counts), 0] = (logarithms - logarithms.mean()) / constant
