"""What all tasks on text ask for: the column, the model, the tokenizer."""

from dataclasses import dataclass, field
from typing import Literal

from hf_ssl.errors import UserError


@dataclass(frozen=True)
class TextArguments:
    """Which text, which model."""

    text_column: str = field(default="text", metadata={"help": "Column that holds the text."})
    sequence_length: int = field(default=128, metadata={"help": "Tokens a block."})
    model_size: Literal["tiny", "small", "base"] = field(
        default="tiny", metadata={"help": "A ModernBERT of this size."}
    )
    config_name: str | None = field(
        default=None, metadata={"help": "Any transformers configuration, id or folder, instead."}
    )
    model_name_or_path: str | None = field(default=None, metadata={"help": "Go on from this checkpoint."})
    tokenizer_name: str | None = field(
        default=None,
        metadata={"help": "Tokenizer to use (default: the checkpoint's, else one learned from the first rows)."},
    )
    vocabulary_size: int = field(default=8192, metadata={"help": "Entries of a tokenizer learned here."})
    dropout: float = field(default=0.0, metadata={"help": "Dropout, whatever the configuration says."})

    def __post_init__(self) -> None:
        if self.config_name and self.model_name_or_path:
            raise UserError(
                "--config_name and --model_name_or_path exclude each other: a checkpoint has its configuration"
            )
        if not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, not {self.dropout}")
        if self.sequence_length < 8:
            raise UserError(f"--sequence_length must be at least 8, not {self.sequence_length}")
        if self.vocabulary_size < 300:
            raise UserError(
                f"--vocabulary_size must be at least 300 (256 bytes, signs, some words), not {self.vocabulary_size}"
            )
