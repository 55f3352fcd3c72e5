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


# Share of the embeddings' dimensions that learn from contrast and are then frozen. Built-in text, 200 steps of contrast and 830 of
# masks: all dimensions kept, with an untied output, loss 4.05, kNN .793, NMI .503; two thirds 3.77, .799, .506; half 3.74, .795,
# .504; a third 3.69, .793, .499. Contrast as a second loss on all of them gave up either (loss 0.2 higher, or NMI .40).
CONTRASTED = 2 / 3
FIRST_LENGTH = 256  # tokens of a text of which crops are taken


@dataclass(frozen=True)
class MaskedLanguage(BeginsWithContrast):
    """Hide tokens and predict them, after some dimensions of the embeddings have learned which crops belong to one text."""

    _argument_group_name = "task: masked language modelling"
    tag: ClassVar[str] = "masked-language-modeling"
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    pipeline: ClassVar[str] = "fill-mask"
    baseline: ClassVar[tuple[str, str]] = ("unigram_loss", "token frequencies alone")
    packed: ClassVar[bool] = True
    requires: ClassVar[dict[str, Any]] = {"text_encoder": "transformer"}
    measured_with: ClassVar[dict[str, Any]] = {"mask_probability": 0.15}  # regardless of training
    most_first_steps: ClassVar[int] = 400
    first_ratio: ClassVar[float] = 1
    first_share: ClassVar[float] = 0.3
    continues: ClassVar[bool] = False

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
        """Return a stock ``...ForMaskedLM``; if it begins with contrast, the dimensions for that are frozen.

        Their number is in its configuration, as ``contrast_dimensions``.
        """
        from hf_ssl.modalities.text.encoders import freeze_dimensions, language_model

        counts = prepared.statistics["token_counts"].numpy()
        model = language_model(prepared.modality, prepared.processor, counts, seed)
        if self.begins(prepared):
            freeze_dimensions(model, CONTRASTED)
        return model

    def first_settings(self, model: Any) -> dict[str, Any]:
        """Return the flags of a static encoder with as many dimensions as are frozen in the model."""
        size = model.config.contrast_dimensions
        return {"text_encoder": "static", "embedding_size": size, "sequence_length": FIRST_LENGTH}

    def begin_with(self, model: Any, first: Any) -> None:
        """Take the embeddings of the first phase, scaled to the spread of the new ones."""
        import torch

        embeddings, learned = model.get_input_embeddings().weight, first.base_model.embedding.weight.detach()
        learned = learned.to(embeddings)
        with torch.no_grad():
            embeddings[: len(learned), : learned.shape[1]] = learned * (embeddings.std() / learned.std())

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
