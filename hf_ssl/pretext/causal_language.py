"""Causal language modelling: predict each token from those before it (Radford et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.pretext.base import PretextTask

if TYPE_CHECKING:  # slow to import, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part

TARGETS_AT_ONCE = 64  # in float32; all 2,032 of a batch at once took 540 MiB instead of 210, in the same time


@dataclass(frozen=True)
class CausalLanguage(PretextTask):
    """Predict the next token."""

    _argument_group_name = "task: causal language modelling"
    tag: ClassVar[str] = "causal-language-modeling"
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    pipeline: ClassVar[str] = "text-generation"
    baseline: ClassVar[tuple[str, str]] = ("unigram_loss", "token frequencies alone")
    packed: ClassVar[bool] = True
    causal: ClassVar[bool] = True
    # The vocabulary is the default for text: with 4,096 entries, a step takes three quarters of the time, but 40 CPU seconds
    # on Wikipedia gave 2.24 bits per character instead of 2.20.
    requires: ClassVar[dict[str, Any]] = {"text_encoder": "transformer"}

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Shift the tokens by one to get the targets; nothing is hidden.

        Args:
            batch: {"input_ids": int64 of shape (rows, length)}.
            keys: unused, as nothing is random.
            prepared: unused.
            progress: unused.

        Returns:
            "input_ids" unchanged, and "labels" of shape (rows x (length - 1),): all tokens but the first of each row.
        """
        return {"input_ids": batch["input_ids"], "labels": batch["input_ids"][:, 1:].flatten()}

    def model(self, prepared: Prepared, seed: int) -> PreTrainedModel:
        """Return a stock ``...ForCausalLM``."""
        from hf_ssl.modalities.text.encoders import language_model

        counts = prepared.statistics["token_counts"].numpy()
        return language_model(prepared.modality, prepared.processor, counts, seed, causal=True)

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean cross-entropy in nats over all tokens but the first of each block, computed in float32."""
        import torch

        logits = model(input_ids=batch["input_ids"][:, :-1], use_cache=False).logits.flatten(0, 1)
        pieces = zip(logits.split(TARGETS_AT_ONCE), batch["labels"].split(TARGETS_AT_ONCE), strict=True)
        sums = [torch.nn.functional.cross_entropy(piece.float(), labels, reduction="sum") for piece, labels in pieces]
        return {"loss": torch.stack(sums).sum() / len(batch["labels"]), "logits": logits.detach()}

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return the loss in nats, perplexity, top-1 accuracy, and the loss of token frequencies alone."""
        from hf_ssl.modalities.text.vocabulary import language_figures

        return language_figures(score["loss"], parts, prepared) | {"accuracy": score["accuracy"]}
