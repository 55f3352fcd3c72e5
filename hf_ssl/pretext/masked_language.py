"""Masked language modelling: hide some tokens, predict them from the rest (Devlin et al. 2019)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hf_ssl.errors import UserError
from hf_ssl.pretext.text_arguments import TextArguments

if TYPE_CHECKING:  # heavy, and not needed for --help
    import numpy as np
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from hf_ssl.data.stream import Sample
    from hf_ssl.data.text import TokenEncoder


@dataclass(frozen=True)
class MaskedLanguage(TextArguments):
    """Hide tokens, predict them. Implements `PretextTask`."""

    _argument_group_name = "task: masked language modelling"
    unit: ClassVar[str] = "tokens"

    mask_probability: float = field(default=0.3, metadata={"help": "Share of tokens to predict."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_probability < 1:
            raise UserError(f"--mask_probability must lie between 0 and 1, not {self.mask_probability}")

    @property
    def units_per_sample(self) -> int:
        """Tokens a block."""
        return self.sequence_length

    def processor(self, texts: list[str]) -> "PreTrainedTokenizerBase":
        """The tokenizer: a stock one where one is named, else learned from ``texts``."""
        from hf_ssl.data.vocabulary import load_tokenizer, train_tokenizer

        name = self.tokenizer_name or self.model_name_or_path
        return load_tokenizer(name) if name else train_tokenizer(texts, self.vocabulary_size, self.sequence_length)

    def encoder(
        self, processor: "PreTrainedTokenizerBase", *, held_out: bool | None = None, strict: bool = False
    ) -> "TokenEncoder":
        """Rows -> blocks of ``sequence_length`` tokens, without padding."""
        from hf_ssl.data.text import TextRows, TokenEncoder

        return TokenEncoder(processor, TextRows(self.text_column, held_out, strict), self.sequence_length)

    def collate(self, samples: "list[Sample]") -> "dict[str, Tensor]":
        """Blocks -> {"input_ids": int64 of shape (rows, sequence_length)}."""
        import numpy as np
        import torch

        return {"input_ids": torch.from_numpy(np.stack([sample.values["input_ids"] for sample in samples])).long()}

    def corrupt(self, batch: "dict[str, Tensor]", keys: "Tensor", processor: Any) -> "dict[str, Tensor]":
        """Hide exactly max(1, round(p x maskable)) tokens a row: 80 % masked, 10 % replaced, 10 % left as they are.

        Args:
            batch: {"input_ids": int64 of shape (rows, length)}.
            keys: int64 of shape (rows,); the masks are a function of them alone.
            processor: the tokenizer, whose special tokens are never hidden.

        Returns:
            "input_ids" of the same shape, "positions" (flat indices of the hidden tokens) and "labels" (the tokens there).
        """
        import torch

        from hf_ssl.randomness import random_uniform

        tokens = batch["input_ids"]
        special = torch.tensor(processor.all_special_ids, device=tokens.device)
        maskable = ~torch.isin(tokens, special)
        priority, action, choice = random_uniform(keys, 3 * tokens.shape[1]).chunk(3, dim=1)
        available = maskable.sum(1, keepdim=True)
        count = (self.mask_probability * available).round().clamp(min=1).minimum(available)
        rank = priority.masked_fill(~maskable, 2).argsort(1).argsort(1)
        hidden = rank < count
        ordinary = (
            torch.ones(len(processor), dtype=torch.bool, device=tokens.device)
            .index_fill(0, special, False)
            .nonzero()[:, 0]
        )
        corrupted = tokens.masked_fill(hidden & (action < 0.8), processor.mask_token_id)
        replaced = hidden & (action >= 0.9)
        corrupted = torch.where(replaced, ordinary[(choice * len(ordinary)).long()], corrupted)
        positions = hidden.flatten().nonzero()[:, 0]
        return {"input_ids": corrupted, "positions": positions, "labels": tokens.flatten()[positions]}

    def model(self, processor: "PreTrainedTokenizerBase", counts: "np.ndarray", seed: int) -> "PreTrainedModel":
        """A stock ``...ForMaskedLM``."""
        from hf_ssl.pretext.text_models import masked_language_model

        return masked_language_model(self, processor, counts, seed)

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Mean cross-entropy in nats over the hidden tokens; the prediction head runs on those only.

        The figures are the stock model's: its head is applied to every token alone, so what it would say elsewhere
        is not needed.
        """
        import torch

        from hf_ssl.pretext.sparse_prediction import only_at

        with only_at(getattr(model, "module", model), batch["positions"]):
            logits = model(input_ids=batch["input_ids"]).logits.flatten(0, -2).float()
        loss = torch.nn.functional.cross_entropy(logits, batch["labels"])
        return {"loss": loss, "logits": logits.detach()}
