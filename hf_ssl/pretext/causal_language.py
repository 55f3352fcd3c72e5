"""Causal language modelling: predict each token from those before it (Radford et al. 2018)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hf_ssl.modalities.text import TextTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

TARGETS_AT_ONCE = 64  # in float32; all 2,032 of a batch at once took 540 MiB instead of 210, and no less time


@dataclass(frozen=True)
class CausalLanguage(TextTask):
    """Predict the next token."""

    _argument_group_name = "task: causal language modelling"
    tag: ClassVar[str] = "causal-language-modeling"
    pipeline: ClassVar[str] = "text-generation"
    baseline: ClassVar[tuple[str, str]] = ("unigram_loss", "token frequencies alone")
    causal: ClassVar[bool] = True

    # The vocabulary is that of all tasks on text: with 4,096 entries a step takes three quarters of the time, and yet on Wikipedia
    # 40 CPU seconds gave 2.24 bits a character against 2.20.
    model_size: Literal["tiny", "small", "base"] = field(default="tiny", metadata={"help": "A Llama of this size."})

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Nothing is hidden but what is yet to come.

        Args:
            batch: {"input_ids": int64 of shape (rows, length)}.
            keys: play no part: nothing is drawn.
            prepared: plays no part.
            progress: plays no part.

        Returns:
            "input_ids" as they were, and "labels" of shape (rows x (length - 1),): the tokens after all but the last.
        """
        return {"input_ids": batch["input_ids"], "labels": batch["input_ids"][:, 1:].flatten()}

    def model(self, prepared: Prepared, seed: int) -> "PreTrainedModel":
        """A stock ``...ForCausalLM``."""
        from hf_ssl.models.text import causal_language_model

        counts = prepared.statistics["token_counts"].numpy()
        return causal_language_model(self, prepared.processor, counts, seed)

    def untrained(self, model: "PreTrainedModel", prepared: Prepared, seed: int) -> "PreTrainedModel":
        """The same architecture with new weights."""
        from hf_ssl.models.text import untrained_like

        return untrained_like(model, seed, causal=True)

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Mean cross-entropy in nats over all tokens but the first of each block, reckoned in float32."""
        import torch

        logits = model(input_ids=batch["input_ids"][:, :-1], use_cache=False).logits.flatten(0, 1)
        pieces = zip(logits.split(TARGETS_AT_ONCE), batch["labels"].split(TARGETS_AT_ONCE), strict=True)
        sums = [torch.nn.functional.cross_entropy(piece.float(), labels, reduction="sum") for piece, labels in pieces]
        return {"loss": torch.stack(sums).sum() / len(batch["labels"]), "logits": logits.detach()}
