"""Number series: two columns, batches of any lengths in one tensor, parts as views, moments as baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import AutoConfig, SequenceFeatureExtractor

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import no_progress
from hf_ssl.data.columns import check_column
from hf_ssl.data.stream import Sample
from hf_ssl.modalities.base import Costs, Modality, Needs, Prepared
from hf_ssl.modalities.baseline import Baseline
from hf_ssl.modalities.building import making, options, quiet, seeded, set_labels
from modalities.toy.numbers.baselines import Histogram, Moments
from modalities.toy.numbers.flags import NumberFlags, NumberViews
from modalities.toy.numbers.model import NumbersConfig, NumbersForSequenceClassification, NumbersModel, mean_of
from modalities.toy.numbers.series import Series, SeriesEncoder, SeriesReader, is_list_of_numbers, two_parts, union

ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Numbers(NumberFlags, Modality):
    """Series of numbers."""

    name: ClassVar[str] = "numbers"
    rows_name: ClassVar[str] = "series"
    most_skipped: ClassVar[float] = 0.1
    watched_rows: ClassVar[tuple[int, int]] = (60, 30)
    feature_pipeline: ClassVar[str] = "feature-extraction"
    classification_pipeline: ClassVar[str] = "tabular-classification"
    costs: ClassVar[Costs] = Costs(
        rows_a_minute=(1000, 500),
        most_rows=(2000, 1000),
        tasks=("contrastive",),
        seconds={"contrastive": 0.1},
        most_steps={"contrastive": 60},
        settings={"contrastive": {"temperature": 0.5, "width": 8, "batch_size": 64}},
        supervised_seconds=0.01,
        shown=80,
    )

    views: NumberViews = field(default_factory=NumberViews)

    @classmethod
    def recognises(cls, table: pa.Table) -> bool:
        return len(_lists(table)) >= 2

    @property
    def columns(self) -> tuple[str, ...]:
        assert self.times_column is not None
        assert self.values_column is not None
        return self.times_column, self.values_column

    def for_columns(self, table: pa.Table, dataset: str, label_column: str | None = None) -> Self:
        for flag in self.reading:
            check_column(table, flag, getattr(self, flag), dataset)
        free = [name for name in _lists(table) if name not in (label_column, self.times_column, self.values_column)]
        times = self.times_column or next((name for name in free if name == "times"), None)
        values = self.values_column or next((name for name in free if name != times), None)
        if times is None or values is None:
            raise UserError(
                f"'{dataset}' has no two columns of numbers; name them with --times_column and --values_column"
            )
        return replace(self, times_column=times, values_column=values)

    def reader(self, *, held_out: bool | None = None, strict: bool = False) -> SeriesReader:
        return SeriesReader(self.columns, held_out, strict)

    def content(self, value: Series) -> bytes:
        return value.content()

    @property
    def surveyed(self) -> int:
        return 1000

    @property
    def measured_rows(self) -> tuple[int, int]:
        return 400, 100

    @property
    def threads(self) -> int | None:
        return 1

    def prepare(self, inputs: list[Series], needs: Needs) -> Prepared:
        numbers = np.stack([np.concatenate([getattr(i, name) for i in inputs]) for name in ("times", "values")])
        statistics = {"mean": torch.from_numpy(numbers.mean(1)), "spread": torch.from_numpy(numbers.std(1) + 1e-6)}
        return Prepared(self, SequenceFeatureExtractor(1, 1, 0.0), statistics)

    def load_processor(self, folder: Path) -> Any:
        return SequenceFeatureExtractor.from_pretrained(folder)

    def row_encoder(
        self, prepared: Prepared, needs: Needs, *, held_out: bool | None = None, strict: bool = False
    ) -> SeriesEncoder:
        return SeriesEncoder(self.reader(held_out=held_out, strict=strict))

    def as_samples(self, prepared: Prepared, inputs: Sequence[Series]) -> list[Sample]:
        return [series.sample(0, row) for row, series in enumerate(inputs)]

    def collate(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        return union(samples)

    def two_views(
        self, batch: dict[str, Tensor], keys: Tensor, prepared: Prepared, progress: float
    ) -> dict[str, Tensor]:
        return two_parts(batch, keys, self.views.smallest_part)

    def augmented(self, batch: dict[str, Tensor], keys: Tensor | None, prepared: Prepared) -> dict[str, Tensor]:
        return dict(batch)

    def encoder(self, prepared: Prepared, seed: int) -> NumbersModel:
        name = self.model_name_or_path or self.config_name
        with making("encoder of numbers", str(name)), seeded(seed):
            if self.model_name_or_path:
                return NumbersModel.from_pretrained(name, **options())
            scale = {key: prepared.statistics[key].tolist() for key in ("mean", "spread")}
            config = AutoConfig.from_pretrained(name) if name else NumbersConfig(self.width, **scale)
            return NumbersModel._from_config(config, **options())

    def pool(self, output: Any, inputs: dict[str, Tensor]) -> Tensor:
        return mean_of(output.last_hidden_state.float(), inputs["index"], inputs["lengths"])

    def classifier(
        self, prepared: Prepared, names: list[str], seed: int, folder: Path | None, trained: bool
    ) -> NumbersForSequenceClassification:
        assert folder is not None
        with making("classifier", str(folder)), seeded(seed), quiet():
            config = set_labels(AutoConfig.from_pretrained(folder), names)
            if trained:
                return NumbersForSequenceClassification.from_pretrained(folder, config=config, **options())
            return NumbersForSequenceClassification._from_config(config, **options())

    def embed(
        self,
        model: Any,
        prepared: Prepared,
        inputs: Sequence[Series],
        autocast: Callable[[], Any],
        progress: Callable[[int], Any] = no_progress,
    ) -> dict[str, np.ndarray]:
        encoder = model.base_model.eval()
        parts: list[list[np.ndarray]] = []
        samples = self.as_samples(prepared, inputs)
        for begin in range(0, len(samples), ROWS_AT_ONCE):
            batch = {n: t.to(encoder.device) for n, t in union(samples[begin : begin + ROWS_AT_ONCE]).items()}
            with torch.no_grad(), autocast():
                states = encoder(**batch).hidden_states
            means = [mean_of(state.float(), batch["index"], batch["lengths"]).cpu().numpy() for state in states]
            parts.append(means)
            progress(len(batch["lengths"]))
        layers = zip(*parts, strict=True)
        return {name: np.concatenate(found) for name, found in zip(("numbers", "series"), layers, strict=True)}

    def baselines(self, seed: int) -> list[Baseline]:
        return [Moments(seed), Histogram(seed)]

    def shown(self, value: Series) -> dict[str, Any]:
        return {"points": np.stack([value.times, value.values], 1).round(3).tolist()}

    def excerpt(self, value: Series) -> dict[str, str]:
        return {"text": f"{len(value.values)} numbers: " + ", ".join(f"{number:.2f}" for number in value.values[:8])}

    def asked(self, value: Any) -> Series:
        try:
            times, values = (np.array(value[name], np.float32) for name in ("times", "values"))
        except (TypeError, KeyError, ValueError) as error:
            raise UserError('a series is {"times": [...], "values": [...]}, both of numbers') from error
        if times.ndim != 1 or times.shape != values.shape or not len(times):
            raise UserError("a series needs a time for each number, and one number at least")
        return Series(times, values)

    def to_column(self, inputs: Sequence[Series]) -> pa.Array:
        kind = pa.list_(pa.float32())
        return pa.StructArray.from_arrays(
            [pa.array([getattr(each, name) for each in inputs], kind) for name in ("times", "values")],
            ["times", "values"],
        )

    def from_column(self, column: pa.ChunkedArray) -> list[Series]:
        return [self.asked(value) for value in column.to_pylist()]


def _lists(table: pa.Table) -> list[str]:
    return [part.name for part in table.schema if is_list_of_numbers(part.type)]


MODALITY = Numbers
