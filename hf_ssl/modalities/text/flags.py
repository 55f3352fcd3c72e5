"""Flags of text and of its views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.flags import ModalityFlags, ViewFlags


@dataclass(frozen=True)
class TextFlags(ModalityFlags):
    """Flags of the text and the model."""

    _argument_group_name = "modality: text"
    embedded: ClassVar[str] = "docs"
    reading: ClassVar[tuple[str, ...]] = ("text_column",)
    first_run: ClassVar[str] = "python scripts/pretrain_mlm.py --output_dir runs/docs"
    recipes: ClassVar[dict[str, dict[str, Any]]] = {
        "contrastive": {
            "text_encoder": "static",
            "vocabulary_size": 30_000,
            "sequence_length": 256,
            "temperature": 0.25,
            "projector": False,
            # All views would double the cost of a step for equal features (AG News, 900 steps: kNN .902 and .902,
            # linear with 100 labels .855 and .855, k-means accuracy .861 and .859).
            "all_views": False,
            "optimizer": "adamw",
            "batch_size": 1024,
            "max_steps": 900,
            "decay_share": 0.95,
        },
        # Held-out loss after 600 steps of 8 blocks, built-in text: 4.21; embeddings at twice the rate 4.18, and a shorter
        # decay 4.15, and 40 % of the tokens hidden instead of 30 % 4.07 (50 % 4.15). AG News, 1,200 steps: 5.10, now 4.85.
        "masked_language": {"batch_size": 8, "embedding_learning_rate": 8e-3, "decay_share": 0.3},
    }

    text_column: str | None = field(
        default=None,
        metadata={
            "help": "Column with the text.",
            "default": "'text', another usual name, or the column with the longest texts",
        },
    )
    sequence_length: int = field(default=128, metadata={"help": "Tokens per block, or at most per document."})
    model_size: Literal["tiny", "small", "base"] = field(default="tiny", metadata={"help": "Size of a new model."})
    text_encoder: Literal["static", "transformer"] = field(
        default="transformer",
        metadata={"help": "Static: the mean of token embeddings. Transformer: the mean of its last hidden states."},
    )
    embedding_size: int = field(default=512, metadata={"help": "Dimensions of a static encoder."})
    tokenizer_name: str | None = field(
        default=None,
        metadata={
            "help": "Tokenizer to use (id or folder).",
            "default": "that of the checkpoint, or one learned from the first rows",
        },
    )
    vocabulary_size: int = field(default=8192, metadata={"help": "Size of a newly learned vocabulary."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sequence_length < 8:
            raise UserError(f"--sequence_length must be at least 8, not {self.sequence_length}")
        if self.embedding_size < 1:
            raise UserError(f"--embedding_size must be at least 1, not {self.embedding_size}")
        if self.vocabulary_size < 300:
            raise UserError(
                "--vocabulary_size must be at least 300 (256 bytes, special tokens and some words), not "
                f"{self.vocabulary_size}"
            )
        if self.text_encoder == "static" and (self.config_name or self.model_name_or_path):
            raise UserError("--config_name and --model_name_or_path name transformers; pass --text_encoder transformer")


@dataclass(frozen=True)
class TextViews(ViewFlags):
    """Two crops of a document, drawn independently (Izacard et al. 2022)."""

    _argument_group_name = "views of text"

    smallest_crop: float = field(default=0.05, metadata={"help": "Smallest share of a document in a view."})
    largest_crop: float = field(default=0.3, metadata={"help": "Largest share of a document in a view."})

    def __post_init__(self) -> None:
        if not 0 < self.smallest_crop <= self.largest_crop <= 1:
            raise UserError(
                f"--smallest_crop {self.smallest_crop} must be above 0 and at most --largest_crop {self.largest_crop}, "
                "which must be at most 1"
            )
