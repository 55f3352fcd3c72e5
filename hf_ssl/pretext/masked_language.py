"""Masked language modelling: hide some tokens and predict them from the rest (Devlin et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.common.errors import UserError
from hf_ssl.pretext.parts.beginning import BeginsWithContrast

if TYPE_CHECKING:  # slow to import, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

    from hf_ssl.modalities.prepared import Prepared
    from hf_ssl.pretext.base import Part


# Embeddings that have learned from contrast hardly move any more: they keep what groups texts, and the untied output learns to
# predict. See scripts/benchmarks/README.md for the alternatives.
EMBEDDING_RATE = 0.025
FIRST_LENGTH = 256  # tokens of a text of which crops are taken


@dataclass(frozen=True)
class MaskedLanguage(BeginsWithContrast):
    """Hide tokens and predict them, with embeddings that were first taught which crops belong to one text."""

    _argument_group_name = "task: masked language modelling"
    tag: ClassVar[str] = "masked-language-modeling"
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    pipeline: ClassVar[str] = "fill-mask"
    baseline: ClassVar[tuple[str, str]] = ("unigram_loss", "token frequencies alone")
    packed: ClassVar[bool] = True
    requires: ClassVar[dict[str, Any]] = {"text_encoder": "transformer"}
    measured_with: ClassVar[dict[str, Any]] = {"mask_probability": 0.15}  # regardless of training
    most_first_steps: ClassVar[dict[str, int]] = {"text": 400}

    mask_probability: float = field(default=0.4, metadata={"help": "Share of tokens to predict."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_probability < 1:
            raise UserError(f"--mask_probability must lie between 0 and 1, not {self.mask_probability}")

    def corrupt(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Hide exactly max(1, round(p x maskable)) tokens per row: 80 % masked, 10 % replaced, 10 % unchanged.

        Args:
            batch: {"input_ids": int64 of shape (rows, length)}.
            keys: int64 of shape (rows,); the masks depend only on them.
            prepared: holds the tokenizer, whose special tokens are never hidden.
            progress: unused.

        Returns:
            "input_ids" of the same shape, "positions" (flat indices of the hidden tokens) and "labels" (the tokens there).
        """
        import torch

        from hf_ssl.common.randomness import random_uniform

        tokenizer, tokens = prepared.processor, batch["input_ids"]
        special = torch.tensor(tokenizer.all_special_ids, device=tokens.device)
        maskable = ~torch.isin(tokens, special)
        priority, action, choice = random_uniform(keys, 3 * tokens.shape[1]).chunk(3, dim=1)
        available = maskable.sum(1, keepdim=True)
        count = (self.mask_probability * available).round().clamp(min=1).minimum(available)
        rank = priority.masked_fill(~maskable, 2).argsort(1).argsort(1)
        hidden = rank < count
        ordinary = (
            torch.ones(len(prepared.statistics["token_counts"]), dtype=torch.bool, device=tokens.device)
            .index_fill(0, special, False)
            .nonzero()[:, 0]
        )
        corrupted = tokens.masked_fill(hidden & (action < 0.8), tokenizer.mask_token_id)
        replaced = hidden & (action >= 0.9)
        corrupted = torch.where(replaced, ordinary[(choice * len(ordinary)).long()], corrupted)
        positions = hidden.flatten().nonzero()[:, 0]
        return {"input_ids": corrupted, "positions": positions, "labels": tokens.flatten()[positions]}

    def model(self, prepared: Prepared, seed: int) -> PreTrainedModel:
        """Return a stock ``...ForMaskedLM``; its output is untied from the embeddings if those learn from contrast first."""
        from hf_ssl.modalities.text.encoders import language_model, untie_output

        counts = prepared.statistics["token_counts"].numpy()
        model = language_model(prepared.modality, prepared.processor, counts, seed)
        if self.begins(prepared):
            untie_output(model)
        return model

    def first_settings(self, model: Any) -> dict[str, Any]:
        """Return the flags of a static encoder whose embeddings have the width of the model's."""
        width = model.get_input_embeddings().weight.shape[1]
        return {"text_encoder": "static", "embedding_size": width, "sequence_length": FIRST_LENGTH}

    def begin_with(self, model: Any, first: Any) -> None:
        """Take the embeddings of the first phase, scaled to the spread of the new ones, for input and output."""
        import torch

        learned = first.base_model.embedding.weight.detach()
        with torch.no_grad():
            for module in (model.get_input_embeddings(), model.get_output_embeddings()):
                learned = learned.to(module.weight)
                module.weight[: len(learned)] = learned * (module.weight.std() / learned.std())

    def rate_factors(self, model: Any, prepared: Prepared) -> dict[Tensor, float]:
        """Return the embeddings, if they have learned from contrast."""
        return {model.get_input_embeddings().weight: EMBEDDING_RATE} if self.begins(prepared) else {}

    def loss(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean cross-entropy in nats over the hidden tokens; the prediction head runs only on those.

        The results equal those of the stock model: its head processes each token independently, so its outputs elsewhere
        are not needed. Models that `logits_at` does not know run as they are.
        """
        from torch.nn.functional import cross_entropy

        from hf_ssl.modalities.text.sparse_prediction import logits_at

        logits = logits_at(model, batch["positions"], input_ids=batch["input_ids"]).float()
        return {"loss": cross_entropy(logits, batch["labels"]), "logits": logits.detach()}

    def heldout_figures(self, score: dict[str, float], parts: list[Part], prepared: Prepared) -> dict[str, float]:
        """Return the loss in nats, perplexity, top-1 accuracy on hidden tokens, and the loss of token frequencies alone."""
        from hf_ssl.modalities.text.vocabulary import language_figures

        return language_figures(score["loss"], parts, prepared) | {"masked_accuracy": score["accuracy"]}
