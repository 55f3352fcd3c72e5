"""What all tasks on text share: the column, the model, the tokenizer, features, the TF-IDF baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from hf_ssl.errors import UserError
from hf_ssl.pretext.base import STATISTICS, Prepared, PretextTask

if TYPE_CHECKING:  # heavy, and not needed for --help
    import numpy as np
    import pyarrow as pa
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from hf_ssl.data.stream import Sample
    from hf_ssl.data.text import TextRows, TokenEncoder


@dataclass(frozen=True)
class TextTask(PretextTask):
    """Which text, which model.

    Attributes:
        causal: whether a token is predicted from those before it alone, so that the model can write on behind a prompt.
    """

    unit: ClassVar[str] = "tokens"
    embedded: ClassVar[str] = "docs"
    most_skipped: ClassVar[float] = 1.0  # empty lines part paragraphs
    causal: ClassVar[bool] = False

    text_column: str = field(default="text", metadata={"help": "Column that holds the text."})
    sequence_length: int = field(default=128, metadata={"help": "Tokens a block."})
    model_size: Literal["tiny", "small", "base"] = field(
        default="tiny", metadata={"help": "A ModernBERT of this size."}
    )
    tokenizer_name: str | None = field(
        default=None,
        metadata={"help": "Tokenizer to use (default: the checkpoint's, else one learned from the first rows)."},
    )
    vocabulary_size: int = field(default=8192, metadata={"help": "Entries of a tokenizer learned here."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sequence_length < 8:
            raise UserError(f"--sequence_length must be at least 8, not {self.sequence_length}")
        if self.vocabulary_size < 300:
            raise UserError(
                f"--vocabulary_size must be at least 300 (256 bytes, signs, some words), not {self.vocabulary_size}"
            )

    @property
    def units_per_sample(self) -> int:
        """Tokens a block."""
        return self.sequence_length

    @property
    def surveyed(self) -> int:
        """Characters."""
        return 8_000_000

    @property
    def measured_rows(self) -> tuple[int, int]:
        """3,000 and 1,500."""
        return 3000, 1500

    def for_columns(self, table: "pa.Table", dataset: str) -> Self:
        """Check that the column is there."""
        from hf_ssl.data.columns import check_column

        check_column(table, "text_column", self.text_column, dataset)
        return self

    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> "TextRows":
        """Rows -> texts."""
        from hf_ssl.data.text import TextRows

        return TextRows(self.text_column, held_out, strict)

    def size_of(self, value: str) -> int:
        """Characters."""
        return len(value)

    def prepare(self, inputs: list[str]) -> Prepared:
        """The tokenizer: a stock one where one is named, else learned from the texts; how often each token occurs."""
        import torch

        from hf_ssl.data.vocabulary import count_tokens, load_tokenizer, train_tokenizer

        name = self.tokenizer_name or self.model_name_or_path
        tokenizer = (
            load_tokenizer(name, self.causal)
            if name
            else train_tokenizer(inputs, self.vocabulary_size, self.sequence_length, self.causal)
        )
        counts = torch.from_numpy(count_tokens(tokenizer, inputs))
        if self.units_per_sample > 1 and counts.sum() < self.sequence_length and sum(map(len, inputs)) < self.surveyed:
            raise UserError(
                f"there are {int(counts.sum())} tokens to train on, less than one block of --sequence_length "
                f"{self.sequence_length}"
            )
        return Prepared(tokenizer, {"token_counts": counts})

    def load_prepared(self, folder: Path) -> Prepared:
        """Read what `Prepared.save` wrote."""
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        return Prepared(AutoTokenizer.from_pretrained(folder, trust_remote_code=False), load_file(folder / STATISTICS))

    def encoder(self, prepared: Prepared, *, held_out: bool | None = None, strict: bool = False) -> "TokenEncoder":
        """Rows -> blocks of ``sequence_length`` tokens, without padding."""
        from hf_ssl.data.text import TokenEncoder

        return TokenEncoder(prepared.processor, self.reader(held_out=held_out, strict=strict), self.sequence_length)

    def collate(self, samples: "list[Sample]") -> "dict[str, Tensor]":
        """Blocks -> {"input_ids": int64 of shape (rows, sequence_length)}."""
        import numpy as np
        import torch

        return {"input_ids": torch.from_numpy(np.stack([sample.values["input_ids"] for sample in samples])).long()}

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[str],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = lambda _rows: None,
    ) -> "dict[str, np.ndarray]":
        """Mean-pooled hidden states of some layers."""
        from hf_ssl.evaluation.embed_texts import embed_texts

        tokenizer: PreTrainedTokenizerBase = prepared.processor
        return embed_texts(model, tokenizer, inputs, self.sequence_length, autocast, progress)

    def baselines(
        self, bank: Sequence[str], test: Sequence[str], prepared: Prepared, seed: int
    ) -> "dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]":
        """TF-IDF reduced by a singular value decomposition."""
        from hf_ssl.evaluation.text_baselines import tfidf_svd

        return {"tfidf_svd": tfidf_svd(bank, test, seed)}

    def heldout_figures(
        self, score: dict[str, float], parts: "list[dict[str, Tensor]]", prepared: Prepared
    ) -> dict[str, float]:
        """Loss in nats, perplexity, share of the tokens to predict put first, and the loss of token frequencies alone.

        The latter is the cross-entropy of the training tokens' frequencies (add-one smoothed) on the same tokens.
        """
        import torch

        counts = prepared.statistics["token_counts"]
        frequencies = (counts + 1.0) / (counts.sum() + len(counts))
        labels = torch.cat([part["labels"] for part in parts])
        return {
            "loss": score["loss"],
            "perplexity": float(torch.tensor(score["loss"]).exp()),
            "accuracy" if self.causal else "masked_accuracy": score["accuracy"],
            "unigram_loss": float(-frequencies.double()[labels].log().mean()),
        }
