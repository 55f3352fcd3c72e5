"""Masked language modelling: hide some tokens, predict them from the rest (Devlin et al. 2019)."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hf_ssl.errors import UserError
from hf_ssl.modalities.text import TextTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    from torch import Tensor
    from transformers import PreTrainedModel

MEASURED_PROBABILITY = 0.15  # on held-out rows, whatever training uses


@dataclass(frozen=True)
class MaskedLanguage(TextTask):
    """Hide tokens, predict them."""

    _argument_group_name = "task: masked language modelling"
    tag: ClassVar[str] = "masked-language-modeling"
    pipeline: ClassVar[str] = "fill-mask"
    baseline: ClassVar[tuple[str, str]] = ("unigram_loss", "token frequencies alone")

    mask_probability: float = field(default=0.3, metadata={"help": "Share of tokens to predict."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_probability < 1:
            raise UserError(f"--mask_probability must lie between 0 and 1, not {self.mask_probability}")

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Hide exactly max(1, round(p x maskable)) tokens a row: 80 % masked, 10 % replaced, 10 % left as they are.

        Args:
            batch: {"input_ids": int64 of shape (rows, length)}.
            keys: int64 of shape (rows,); the masks are a function of them alone.
            prepared: holds the tokenizer, whose special tokens are never hidden.
            progress: plays no part.

        Returns:
            "input_ids" of the same shape, "positions" (flat indices of the hidden tokens) and "labels" (the tokens there).
        """
        import torch

        from hf_ssl.randomness import random_uniform

        tokenizer, tokens = prepared.processor, batch["input_ids"]
        special = torch.tensor(tokenizer.all_special_ids, device=tokens.device)
        maskable = ~torch.isin(tokens, special)
        priority, action, choice = random_uniform(keys, 3 * tokens.shape[1]).chunk(3, dim=1)
        available = maskable.sum(1, keepdim=True)
        count = (self.mask_probability * available).round().clamp(min=1).minimum(available)
        rank = priority.masked_fill(~maskable, 2).argsort(1).argsort(1)
        hidden = rank < count
        ordinary = (
            torch.ones(len(tokenizer), dtype=torch.bool, device=tokens.device)
            .index_fill(0, special, False)
            .nonzero()[:, 0]
        )
        corrupted = tokens.masked_fill(hidden & (action < 0.8), tokenizer.mask_token_id)
        replaced = hidden & (action >= 0.9)
        corrupted = torch.where(replaced, ordinary[(choice * len(ordinary)).long()], corrupted)
        positions = hidden.flatten().nonzero()[:, 0]
        return {"input_ids": corrupted, "positions": positions, "labels": tokens.flatten()[positions]}

    def for_measuring(self) -> Self:
        """Hide 15 %, whatever training hides."""
        return replace(self, mask_probability=MEASURED_PROBABILITY)

    def model(self, prepared: Prepared, seed: int) -> "PreTrainedModel":
        """A stock ``...ForMaskedLM``."""
        from hf_ssl.models.text import masked_language_model

        counts = prepared.statistics["token_counts"].numpy()
        return masked_language_model(self, prepared.processor, counts, seed)

    def untrained(self, model: "PreTrainedModel", prepared: Prepared, seed: int) -> "PreTrainedModel":
        """The same architecture with new weights."""
        from hf_ssl.models.text import untrained_like

        return untrained_like(model, seed)

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Mean cross-entropy in nats over the hidden tokens; the prediction head runs on those only.

        The figures are the stock model's: its head is applied to every token alone, so what it would say elsewhere
        is not needed.
        """
        import torch

        from hf_ssl.models.sparse_prediction import only_at

        with only_at(getattr(model, "module", model), batch["positions"]):
            logits = model(input_ids=batch["input_ids"]).logits.flatten(0, -2).float()
        loss = torch.nn.functional.cross_entropy(logits, batch["labels"])
        return {"loss": loss, "logits": logits.detach()}
