"""Text: documents in packed blocks or one per sample, crops as views, tokenizers, encoders and TF-IDF baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import no_progress
from hf_ssl.data.stream import RowEncoder, Sample
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.baseline import Baseline
from hf_ssl.modalities.prepared import Costs, Needs, Prepared
from hf_ssl.modalities.text import encoders
from hf_ssl.modalities.text.baselines import Tfidf, TfidfSvd
from hf_ssl.modalities.text.documents import SHORTEST, DocumentEncoder, two_crops
from hf_ssl.modalities.text.embedding import EMBEDDINGS, as_batch, embed_texts, mean_embeddings
from hf_ssl.modalities.text.encoders import encoder_model
from hf_ssl.modalities.text.flags import TextViews
from hf_ssl.modalities.text.for_people import ShownText
from hf_ssl.modalities.text.reading import TokenEncoder, content_of
from hf_ssl.modalities.text.sentences import static_encoder, text_classifier, write_modules
from hf_ssl.modalities.text.static import StaticModel
from hf_ssl.modalities.text.text_rows import TextRows
from hf_ssl.modalities.text.vocabulary import count_tokens, load_tokenizer, train_tokenizer


@dataclass(frozen=True)
class Text(TextRows, ShownText, Modality):
    """The text modality."""

    name: ClassVar[str] = "text"
    most_skipped: ClassVar[float] = 1.0  # empty lines separate paragraphs
    feature_pipeline: ClassVar[str] = "sentence-similarity"
    feature_library: ClassVar[str] = "sentence-transformers"
    classification_pipeline: ClassVar[str] = "text-classification"
    costs: ClassVar[Costs] = Costs(
        rows_a_minute=(4000, 2000),
        most_rows=(50_000, 10_000),
        tasks=("contrastive", "masked_language"),
        seconds={"contrastive": 0.17, "masked_language": 0.13},  # contrast first, as many steps, included
        most_steps={"contrastive": 900},
        supervised_seconds=0.036,
        shown=1000,
    )

    views: TextViews = field(default_factory=TextViews)

    def content(self, value: str) -> bytes:
        """Return a text as bytes."""
        return content_of(value)

    def size_of(self, value: str) -> int:
        """Return the number of characters of a text."""
        return len(value)

    def cut(self, value: str, most: int) -> str:
        """Return the beginning of a text."""
        return value[:most]

    @property
    def surveyed(self) -> int:
        """Return the number of characters that are read for preparation."""
        return 8_000_000

    @property
    def measured_rows(self) -> tuple[int, int]:
        """Return 3,000 bank rows and 1,500 test rows."""
        return 3000, 1500

    @property
    def threads(self) -> int | None:
        """Return 1 for a static encoder, which is memory-bound (two threads: 50 % more CPU time, 7 % faster)."""
        return 1 if self.text_encoder == "static" else None

    @property
    def embeddings_alone(self) -> bool:
        """Return whether the encoder is static."""
        return self.text_encoder == "static"

    def prepare(self, inputs: list[str], needs: Needs) -> Prepared:
        """Load the named tokenizer or train one on the texts, and count how often each token occurs."""
        name = self.tokenizer_name or self.model_name_or_path
        tokenizer = (
            load_tokenizer(name, needs)
            if name
            else train_tokenizer(inputs, self.vocabulary_size, self.sequence_length, needs.causal)
        )
        counts = torch.from_numpy(count_tokens(tokenizer, inputs))
        if needs.packed and counts.sum() < self.sequence_length and sum(map(len, inputs)) < self.surveyed:
            raise UserError(
                f"there are {int(counts.sum())} tokens to train on, less than one block of --sequence_length "
                f"{self.sequence_length}"
            )
        return Prepared(self, tokenizer, {"token_counts": counts})

    def load_processor(self, folder: Path) -> Any:
        """Load a tokenizer."""
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)

    def row_encoder(
        self, prepared: Prepared, needs: Needs, *, held_out: bool | None = None, strict: bool = False
    ) -> RowEncoder:
        """Return an encoder to full blocks of tokens, or to the first tokens of each document."""
        reader = self.reader(held_out=held_out, strict=strict)
        if needs.packed:
            return TokenEncoder(prepared.processor, reader, self.sequence_length)
        return DocumentEncoder(prepared.processor, reader, self.sequence_length, SHORTEST)

    def as_samples(self, prepared: Prepared, inputs: Sequence[str]) -> list[Sample]:
        """Return the first tokens of each text."""
        backend = prepared.processor.backend_tokenizer
        # Special tokens carry no information in a mean.
        encodings = backend.encode_batch_fast(list(inputs), add_special_tokens=self.text_encoder != "static")
        return [
            Sample({"input_ids": np.array(e.ids[: self.sequence_length] or [0], np.int32)}, np.array([[0, row, 0, 1]]))
            for row, e in enumerate(encodings)
        ]

    def collate(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """Return {"input_ids", "attention_mask"}, int64 of shape (rows, longest); full blocks have no mask."""
        rows = [sample.values["input_ids"] for sample in samples]
        if len({len(row) for row in rows}) == 1:
            return {"input_ids": torch.from_numpy(np.stack(rows)).long()}
        tokens, mask = as_batch(rows, 0)
        return {"input_ids": tokens, "attention_mask": mask}

    def two_views(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float
    ) -> dict[str, Tensor]:
        """Return two crops of each document: "input_ids" and "attention_mask", (2 * rows, tokens of the longest crop)."""
        del progress
        return two_crops(batch["input_ids"], keys, self.views, prepared.processor.pad_token_id)

    def augmented(self, batch: dict[str, Tensor], keys: Tensor | None, prepared: Prepared) -> dict[str, Tensor]:
        """Return the texts unchanged, with a mask."""
        del keys
        tokens = batch["input_ids"]
        mask = batch.get("attention_mask", torch.ones_like(tokens))
        return {
            "input_ids": tokens.masked_fill(mask == 0, prepared.processor.pad_token_id or 0),
            "attention_mask": mask,
        }

    def encoder(self, prepared: Prepared, seed: int) -> Any:
        """Return a `StaticModel`, or a stock encoder."""
        if self.text_encoder == "static":
            return static_encoder(prepared.processor, self.embedding_size, seed)
        return encoder_model(self, prepared.processor, seed)

    def pool(self, output: Any, inputs: dict[str, Tensor]) -> Tensor:
        """Return the mean over the tokens of each text."""
        if output.get("pooler_output") is not None and output.get("last_hidden_state") is None:
            return output.pooler_output  # of a static encoder
        mask = inputs["attention_mask"]
        return (output.last_hidden_state.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)

    def classifier(self, prepared: Prepared, names: list[str], seed: int, folder: Path | None, trained: bool) -> Any:
        """Return a ``...ForSequenceClassification``, always based on a saved model."""
        assert folder is not None, "there are no questions about texts yet"
        return text_classifier(folder, names, prepared.processor, seed, trained)

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[str],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = no_progress,
    ) -> dict[str, np.ndarray]:
        """Return the mean embedding of the whole text and, unless the encoder is static, mean-pooled states of some layers."""
        encoder, tokenizer = model.base_model, prepared.processor
        if isinstance(encoder, StaticModel):
            return {EMBEDDINGS: mean_embeddings(encoder.embedding.weight, tokenizer, inputs, progress)}
        table = getattr(encoder.get_input_embeddings(), "weight", None)
        # Those that have learned from contrast, if some have.
        dimensions = getattr(encoder.config, "contrast_dimensions", None)
        found = {} if table is None else {EMBEDDINGS: mean_embeddings(table[:, :dimensions], tokenizer, inputs)}
        encodings = tokenizer.backend_tokenizer.encode_batch_fast(list(inputs), add_special_tokens=True)
        tokens = [encoding.ids[: self.sequence_length] for encoding in encodings]
        return found | embed_texts(encoder, tokens, tokenizer.pad_token_id or 0, autocast, progress)

    def baselines(self, seed: int) -> list[Baseline]:
        """Return TF-IDF, and TF-IDF + SVD."""
        return [Tfidf(seed), TfidfSvd(seed)]

    def write_beside(self, encoder: Any, folder: Path) -> None:
        """Write the files with which sentence-transformers loads the encoder."""
        write_modules(encoder, folder)

    @classmethod
    def adopt(cls, encoder: Any, folder: Path, name: str) -> tuple[dict[str, Any], Any] | None:
        """Accept any encoder or decoder of tokens."""
        return encoders.adopt(encoder, folder, name)


MODALITY = Text
