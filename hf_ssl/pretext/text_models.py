"""Stock text models, by size, by configuration or from a checkpoint."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from hf_ssl.errors import UserError

if TYPE_CHECKING:
    from hf_ssl.pretext.masked_language import MaskedLanguage

# hidden size, layers, heads, inner size of the gated feed-forward. ModernBERT (Warner et al. 2024) rather than BERT: with
# 819,000 tokens of AG News at equal size and CPU time its held-out loss was 5.3 to 5.8 against 6.5 (unigram 7.1).
SIZES = {"tiny": (192, 3, 3, 512), "small": (384, 6, 6, 1024), "base": (768, 22, 12, 1152)}


def masked_language_model(
    task: "MaskedLanguage", tokenizer: PreTrainedTokenizerBase, counts: np.ndarray, seed: int
) -> PreTrainedModel:
    """Build or load a ``...ForMaskedLM`` for a tokenizer.

    Args:
        task: says which model, and the dropout.
        tokenizer: gives vocabulary size and special tokens.
        counts: occurrences of each token, for the output bias of a new model: it starts at the unigram loss, without
            the first plateau.
        seed: of the new weights.

    Raises:
        UserError: if there is no such configuration or checkpoint, or it cannot hold the blocks.
    """
    try:
        config = _config(task, tokenizer)
        _set_dropout(config, task.dropout)
        attention = attention_implementation()
        if task.model_name_or_path:
            model = AutoModelForMaskedLM.from_pretrained(
                task.model_name_or_path,
                config=config,
                attn_implementation=attention,
                use_safetensors=True,
                dtype=torch.float32,
            )
        else:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                model = AutoModelForMaskedLM.from_config(config, attn_implementation=attention)
            _start_at_unigram(model, counts)
    except (OSError, ValueError) as error:
        name = task.model_name_or_path or task.config_name or task.model_size
        raise UserError(
            f"cannot make a masked language model of '{name}': {' '.join(str(error).split())[:300]}"
        ) from error
    if model.base_model is model:
        raise UserError(f"{type(model).__name__} has no separate encoder; choose another --config_name")
    if model.get_input_embeddings().num_embeddings < len(tokenizer):
        model.resize_token_embeddings(len(tokenizer))
    return model  # type: ignore[no-any-return]


def attention_implementation() -> str:
    """Explicit softmax(QK')V on the CPU, where the fused kernel's backward pass in bf16 is slow; fused elsewhere."""
    return "sdpa" if torch.accelerator.is_available() else "eager"


def _config(task: "MaskedLanguage", tokenizer: PreTrainedTokenizerBase) -> PretrainedConfig:
    name = task.model_name_or_path or task.config_name
    if name:
        config = AutoConfig.from_pretrained(name)
        longest = getattr(config, "max_position_embeddings", None)
        if longest is not None and longest < task.sequence_length:
            raise UserError(
                f"--sequence_length {task.sequence_length} is longer than the {longest} positions of the model"
            )
        if task.config_name:
            config.update({"vocab_size": len(tokenizer), **_special_tokens(tokenizer)})
        return config  # type: ignore[no-any-return]
    hidden, layers, heads, inner = SIZES[task.model_size]
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=max(512, task.sequence_length),
        layer_types=["full_attention"] * layers,  # blocks are short: a window would save nothing
        **_special_tokens(tokenizer),
    )


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    names = ("pad", "cls", "sep", "bos", "eos")
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in names}
    return tokens | {
        "bos_token_id": tokens["bos_token_id"] if tokens["bos_token_id"] is not None else tokens["cls_token_id"],
        "eos_token_id": tokens["eos_token_id"] if tokens["eos_token_id"] is not None else tokens["sep_token_id"],
    }


def _set_dropout(config: PretrainedConfig, dropout: float) -> None:
    for name, value in config.to_dict().items():
        if "dropout" in name and isinstance(value, int | float) and not isinstance(value, bool):
            setattr(config, name, dropout)


def _start_at_unigram(model: PreTrainedModel, counts: np.ndarray) -> None:
    head = model.get_output_embeddings()
    if head is not None and getattr(head, "bias", None) is not None:
        frequencies = torch.from_numpy(counts + 1.0) / (counts.sum() + len(counts))
        with torch.no_grad():
            head.bias[: len(counts)] = frequencies.log().float()
