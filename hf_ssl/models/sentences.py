"""Encoders of whole texts: one vector for each, the mean over its tokens."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from hf_ssl.models.configuration import options, seeded
from hf_ssl.models.static import StaticConfig, StaticModel
from hf_ssl.models.text import encoder_model

if TYPE_CHECKING:
    from hf_ssl.modalities.text import TextTask

# By these sentence-transformers puts a model together.
STATIC = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
TRANSFORMER = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


class SentenceEncoder(nn.Module):
    """The mean of what an encoder says of the tokens of a text.

    Attributes:
        base_model: the encoder: what is kept.
        padding: the token that does not count.
    """

    def __init__(self, encoder: PreTrainedModel, padding: int) -> None:
        """Put the parts together."""
        super().__init__()
        self.base_model = encoder
        self.padding = padding

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (rows, length), padded -> (rows, dimensions)."""
        mask = (tokens != self.padding).long()
        said = self.base_model(input_ids=tokens, attention_mask=mask)
        if isinstance(self.base_model, StaticModel):
            return said.pooler_output
        return (said.last_hidden_state.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)

    def num_parameters(self) -> int:
        """Of the encoder."""
        return int(self.base_model.num_parameters())

    def get_output_embeddings(self) -> Any:
        """There are none."""
        return None


def static_encoder(tokenizer: PreTrainedTokenizerBase, dimensions: int, seed: int) -> SentenceEncoder:
    """A new `StaticModel` for a tokenizer."""
    with seeded(seed):
        model = StaticModel(StaticConfig(len(tokenizer), dimensions))
    return SentenceEncoder(model, _padding(tokenizer))


def transformer_encoder(arguments: "TextTask", tokenizer: PreTrainedTokenizerBase, seed: int) -> SentenceEncoder:
    """A stock encoder, new or from a checkpoint; see `hf_ssl.models.text.encoder_model`."""
    return SentenceEncoder(encoder_model(arguments, tokenizer, seed), _padding(tokenizer))


def untrained_like(model: SentenceEncoder, seed: int) -> SentenceEncoder:
    """The same architecture with new weights."""
    encoder = model.base_model
    with seeded(seed):
        untrained: Any = AutoModel.from_config(encoder.config, **options())
    return SentenceEncoder(untrained.to(encoder.device), model.padding)


def write_modules(folder: Path, dimensions: int, static: bool) -> None:
    """Write what sentence-transformers needs beside a model and its tokenizer."""
    (folder / "modules.json").write_text(json.dumps(STATIC if static else TRANSFORMER, indent=2))
    if not static:
        (folder / "1_Pooling").mkdir()
        pooling = {"word_embedding_dimension": dimensions, "pooling_mode_mean_tokens": True}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2))


def _padding(tokenizer: PreTrainedTokenizerBase) -> int:
    return int(tokenizer.pad_token_id or 0)
