"""Tiny configurations of any model that transformers has."""

from __future__ import annotations

from typing import Any

import pytest
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

WIDTHS = (
    "hidden_size", "d_model", "n_embd", "embed_dim", "dim", "emb_dim", "embedding_size", "moe_intermediate_size",
    "decoder_hidden_size", "projection_dim", "fpn_hidden_size", "reduction_channels",
)  # fmt: skip
INNER = (
    "intermediate_size", "d_ff", "d_inner", "n_inner", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "mlp_hidden_size",
)  # fmt: skip
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers")
HEADS = (
    "num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads",
    "num_key_value_heads",
)  # fmt: skip
SIZES = {
    **dict.fromkeys(WIDTHS, 32), **dict.fromkeys(INNER, 64), **dict.fromkeys(LAYERS, 2), **dict.fromkeys(HEADS, 4),
    "head_dim": 8, "n_routed_experts": 4, "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2,
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8,
    "max_position_embeddings": 64, "n_positions": 64, "vocab_size": 400, "image_size": 32, "patch_size": 8,
}  # fmt: skip
LISTS = {"depths": 1, "hidden_sizes": 32, "num_heads": 4, "num_attention_heads": 4}
# What some of them check.
ALSO: dict[str, dict[str, Any]] = {
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 8},
    "codegen": {"rotary_dim": 4},
    "gpt_neo": {"attention_types": [[["global"], 2]]},
    "gptj": {"rotary_dim": 4},
    "granitemoehybrid": {"mamba_n_heads": 8, "mamba_d_head": 8},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "reformer": {
        "axial_pos_embds_dim": (16, 16), "axial_pos_shape": (8, 8), "attention_head_size": 8, "is_decoder": False,
        "attn_layers": ["local", "lsh"], "num_buckets": 2, "lsh_attn_chunk_length": 4, "local_attn_chunk_length": 4,
    },
    "swin": {"depths": [1, 1], "num_heads": [4, 4], "window_size": 4},
    "swinv2": {"depths": [1, 1], "num_heads": [4, 4], "window_size": 4},
    "xlnet": {"d_head": 8},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip


def tiny_config(name: str) -> Any:
    """The configuration of a tiny model of a type; skips the test if its own checks refuse small sizes."""
    try:
        return _tiny(CONFIG_MAPPING[name], ALSO.get(name, {}))
    except Exception as error:  # checks of transformers, of any class
        pytest.skip(f"no tiny configuration: {' '.join(str(error).split())[:100]}")


def _tiny(kind: Any, also: dict[str, Any]) -> Any:
    whole = kind()
    given = {name: size for name, size in SIZES.items() if type(vars(whole).get(name)) is int}
    types = vars(whole).get("layer_types")
    kept = {"layer_types": list(types)[:2]} if types else {}
    parts = {
        name: _tiny(type(part), {}).to_dict()
        for name, part in vars(whole).items()
        if hasattr(part, "model_type") and hasattr(part, "to_dict")
    }
    lists = {
        name: [size] * len(value)
        for name, size in LISTS.items()
        if isinstance(value := vars(whole).get(name), list | tuple) and all(type(each) is int for each in value)
    }
    try:
        return kind(**given | kept | lists | parts | also)
    except Exception:
        return kind(**given | lists | parts | also)  # the kinds of layers follow from their number
