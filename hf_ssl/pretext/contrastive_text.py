"""Contrastive crops: which two parts come from one document? (SimCLR: Chen et al. 2020; crops: Izacard et al. 2022)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hf_ssl.errors import UserError
from hf_ssl.modalities.text import TextTask
from hf_ssl.pretext.base import Prepared

if TYPE_CHECKING:  # heavy, and not needed for --help
    import numpy as np
    from torch import Tensor
    from transformers import PreTrainedModel

    from hf_ssl.data.documents import DocumentEncoder

SHORTEST_CROP = 4  # tokens


@dataclass(frozen=True)
class ContrastiveText(TextTask):
    """Cut two parts out of a document, find the other one among those of all documents."""

    _argument_group_name = "task: contrastive crops of documents"
    unit: ClassVar[str] = "documents"
    tag: ClassVar[str] = "contrastive-learning"
    pipeline: ClassVar[str] = "sentence-similarity"
    library: ClassVar[str] = "sentence-transformers"
    baseline: ClassVar[tuple[str, str]] = ("chance_loss", "guessing")
    needs_whole_batch: ClassVar[bool] = True
    training_defaults: ClassVar[dict[str, Any]] = {
        "optimizer": "adamw", "batch_size": 1024, "max_steps": 900, "decay_share": 0.95
    }  # fmt: skip

    text_encoder: Literal["static", "transformer"] = field(
        default="static", metadata={"help": "The mean of token embeddings, or of a transformer's last hidden states."}
    )
    embedding_size: int = field(default=512, metadata={"help": "Dimensions of a static encoder."})
    temperature: float = field(default=0.25, metadata={"help": "By which similarities are divided."})
    smallest_crop: float = field(default=0.05, metadata={"help": "Share of a document that a part covers at least."})
    largest_crop: float = field(default=0.3, metadata={"help": "Share of a document that a part covers at most."})
    vocabulary_size: int = field(default=30_000, metadata={"help": "Entries of a tokenizer learned here."})
    sequence_length: int = field(default=256, metadata={"help": "Tokens of a document that are looked at."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"--temperature must be above 0, not {self.temperature}")
        if self.embedding_size < 1:
            raise UserError(f"--embedding_size must be at least 1, not {self.embedding_size}")
        if not 0 < self.smallest_crop <= self.largest_crop <= 1:
            raise UserError(
                f"--smallest_crop {self.smallest_crop} must be above 0 and at most --largest_crop {self.largest_crop}, and "
                "that at most 1"
            )
        if self.text_encoder == "static" and (self.config_name or self.model_name_or_path):
            raise UserError("--config_name and --model_name_or_path name transformers; give --text_encoder transformer")

    @property
    def learning_rates(self) -> dict[str, float]:  # type: ignore[override] # the two encoders want different ones
        """Usual peaks: embeddings alone stand a high one."""
        return {"adamw": 0.01, "muon": 0.01} if self.text_encoder == "static" else {"adamw": 1e-3, "muon": 0.01}

    @property
    def threads(self) -> int | None:
        """Sums of embeddings wait for memory: two threads took half as much CPU time again, and 7 % less time."""
        return 1 if self.text_encoder == "static" else None

    @property
    def units_per_sample(self) -> int:
        """One document."""
        return 1

    def encoder(self, prepared: Prepared, *, held_out: bool | None = None, strict: bool = False) -> "DocumentEncoder":  # type: ignore[override] # a document a sample, not a block
        """Rows -> the first tokens of each."""
        from hf_ssl.data.documents import DocumentEncoder

        rows = self.reader(held_out=held_out, strict=strict)
        return DocumentEncoder(prepared.processor, rows, self.sequence_length, SHORTEST_CROP)

    def corrupt(
        self, batch: "dict[str, Tensor]", keys: "Tensor", prepared: Prepared, progress: float = 1.0
    ) -> "dict[str, Tensor]":
        """Two parts of each document, drawn independently.

        Returns:
            "first" and "second", int64 of shape (rows, tokens of the longest possible part), padded.
        """
        from hf_ssl.randomness import random_uniform

        tokens, padding = batch["input_ids"], prepared.processor.pad_token_id
        lengths = (tokens != padding).sum(1).double()
        size, begin, other_size, other_begin = random_uniform(keys, 4).unbind(1)
        return {
            "first": self._crop(tokens, lengths, size, begin, padding),
            "second": self._crop(tokens, lengths, other_size, other_begin, padding),
        }

    def _crop(self, tokens: "Tensor", lengths: "Tensor", size: "Tensor", begin: "Tensor", padding: int) -> "Tensor":
        import torch

        share = self.smallest_crop + (self.largest_crop - self.smallest_crop) * size
        kept = (share * lengths).round().clamp(min=SHORTEST_CROP).minimum(lengths)
        first = (begin * (lengths - kept + 1)).floor()
        longest = max(SHORTEST_CROP, round(self.largest_crop * tokens.shape[1]))
        places = torch.arange(longest, device=tokens.device)
        picked = tokens.gather(1, (first.long()[:, None] + places).clamp(max=tokens.shape[1] - 1))
        return picked.masked_fill(places >= kept[:, None], padding)

    def model(self, prepared: Prepared, seed: int) -> Any:
        """A `StaticModel`, or a stock encoder whose hidden states are averaged."""
        from hf_ssl.models.sentences import static_encoder, transformer_encoder

        if self.text_encoder == "static":
            return static_encoder(prepared.processor, self.embedding_size, seed)
        return transformer_encoder(self, prepared.processor, seed)

    def untrained(self, model: Any, prepared: Prepared, seed: int) -> Any:
        """The same architecture with new weights."""
        from hf_ssl.models.sentences import untrained_like

        return untrained_like(model, seed)

    def product(self, model: Any) -> "PreTrainedModel":
        """The encoder."""
        return model.base_model

    def write_beside(self, product: "PreTrainedModel", folder: Path) -> None:
        """Files by which sentence-transformers loads the model."""
        from hf_ssl.models.sentences import write_modules

        write_modules(folder, product.config.hidden_size, self.text_encoder == "static")

    def loss(self, model: Any, batch: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Cross-entropy in nats of finding the other part among the other parts of all documents, of all processes."""
        import torch

        from hf_ssl.models.contrast import contrast

        parts = torch.cat([batch["first"], batch["second"]])
        # Among all parts (NT-Xent) a step costs twice as much and the features are the same (AG News, 900 steps: kNN .902 and
        # .902, linear of 100 labels .855 and .855, k-means accuracy .861 and .859).
        return contrast(model(parts), self.temperature, model.training, all_views=False)

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """Loss, accuracy, and the loss of guessing among as many parts."""
        from hf_ssl.models.contrast import chance

        return score | chance(len(parts[0]["first"]), all_views=False)

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[str],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = lambda _rows: None,
    ) -> "dict[str, np.ndarray]":
        """Of a static encoder the mean of the embeddings of the whole text; of a transformer as for all tasks on text."""
        from hf_ssl.evaluation.embed_texts import embed_whole_texts

        if self.text_encoder == "static":
            return embed_whole_texts(model.base_model, prepared.processor, inputs, progress)
        return super().embed(model.base_model, prepared, inputs, autocast, progress)
