"""results.json of a run, as a typed record."""

from __future__ import annotations

import dataclasses
import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, Self

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.common.writing import write_text
from hf_ssl.training.checkpoint import Progress

PACKAGES = ("hf_ssl", "torch", "transformers", "datasets", "accelerate", "tokenizers", "scikit-learn", "numpy")


@dataclass(frozen=True)
class Cost:
    """Cost of training, without evaluation.

    Attributes:
        cpu_seconds: CPU time over all processes (and all phases).
        wall_seconds: wall time.
        steps: optimizer steps.
        unit: name of the unit, in the plural.
        units: number of units.
    """

    cpu_seconds: float
    wall_seconds: float
    steps: int
    unit: str
    units: int

    def as_json(self) -> dict[str, Any]:
        """Return the record with the number of units under their name, such as "tokens"."""
        rest = {name: value for name, value in asdict(self).items() if name != "units"}
        return rest | {self.unit: self.units}

    @classmethod
    def until(cls, progress: Progress) -> Self:
        """Return the cost of a training so far."""
        seconds = round(progress.cpu_seconds, 3), round(progress.wall_seconds, 3)
        return cls(*seconds, progress.step, progress.unit, progress.units)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """Read what `as_json` returned."""
        return cls(**{"units": record[record["unit"]]} | _known(cls, record))


@dataclass(frozen=True)
class DataRecord:
    """The data that were read.

    Attributes:
        name: name given by the user.
        revision: commit on the Hub, or a hash.
        on_hub: whether the data come from the Hub.
        license: as the data set states it.
        language: language codes.
        shards: number of independently readable shards.
        files: which files were read and which not; see `hf_ssl.data.accounting.Accounting.record`.
        since_step: step since which these data are read.
        label_column: labels that features were measured against.
        skipped_rows: number of unusable rows.
        skipped: reason -> number of rows.
        skipped_examples: [where, reason].
        rows: for a classifier: what it was trained and measured on.
        warnings: sentences, each a doubt about the values.
        reading: how rows were read: flag of the modality -> value given or found.
    """

    name: str
    revision: str
    on_hub: bool
    license: str | None = None
    language: list[str] = field(default_factory=list)
    shards: int = 1
    files: dict[str, Any] = field(default_factory=dict)
    since_step: int = 0
    label_column: str | None = None
    skipped_rows: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    skipped_examples: list[list[str]] = field(default_factory=list)
    rows: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRecord:
    """The saved model of a run.

    Attributes:
        name: class name.
        module: module of the class.
        parameters: number of parameters.
        dropout: dropout during training.
        base: checkpoint that training started from.
        base_on_hub: whether that is on the Hub.
        base_revision: its commit.
        tag: tag on the card.
        pipeline: the Hub's name of the model's pipeline.
        library: the Hub's name of the library that loads it.
    """

    name: str
    module: str
    parameters: int
    dropout: float
    base: str | None
    base_on_hub: bool
    base_revision: str | None
    tag: str
    pipeline: str
    library: str

    @property
    def stock(self) -> bool:
        """Return whether the class is one of transformers' own."""
        return self.module.startswith("transformers.")


@dataclass(frozen=True)
class RunResults:
    """A run and its results.

    Attributes:
        run: a unique random name.
        command: command line that started it.
        kind: "pretraining" or "fine_tuning".
        task: name of the task.
        modality: name of the modality.
        seed: seed of weights, order and masks.
        cost: training cost.
        data: what was read.
        model: the saved model.
        baseline: key and title of the held-out figure that needs no model.
        versions: Python and package versions.
        heldout: figures on held-out rows; None if nothing was measured.
        heldout_note: what was measured on, or why nothing was.
        features: name ("pretrained", "untrained", baselines) -> figure -> "mean", "low", "high"; None if nothing was measured.
        features_note: what the intervals cover, or why nothing was measured.
        plots: title -> file.
        phases: for a run in several phases: "task" and cost of each, in their order.
        plan: what the budget of the run bought on its machine.
        classifier: for fine-tuning: "names" of the labels, "recipe", "pretrained_by".
        settings: for a published run: flags of task, modality and views.
        rows: for a published run: splits and columns.
        files: for a published run: files of its commit.
        format: format of the run folder.
    """

    run: str
    command: str
    kind: str
    task: str
    modality: str
    seed: int
    cost: Cost
    data: DataRecord
    model: ModelRecord
    baseline: tuple[str, str]
    versions: dict[str, str]
    heldout: dict[str, Any] | None = None
    heldout_note: str = ""
    features: dict[str, dict[str, Any]] | None = None
    features_note: str = ""
    plots: dict[str, str] = field(default_factory=dict)
    phases: list[dict[str, Any]] = field(default_factory=list)
    plan: dict[str, Any] | None = None
    classifier: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    rows: dict[str, Any] | None = None
    files: list[str] | None = None
    format: int = RunFolder.FORMAT

    def as_json(self) -> dict[str, Any]:
        """Return the record as JSON; values that were not measured or do not apply are null."""
        return asdict(self) | {"cost": self.cost.as_json(), "baseline": list(self.baseline)}

    def text(self) -> str:
        """Return the content of results.json."""
        return json.dumps(self.as_json(), indent=2) + "\n"

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """Read what `as_json` returned.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: if something is missing or has another type.
        """
        if record.get("format") != RunFolder.FORMAT:
            raise ValueError(f"results of format {record.get('format')} instead of {RunFolder.FORMAT}")
        return cls(
            **_known(cls, record)
            | {
                "cost": Cost.of(record["cost"]),
                "data": DataRecord(**_known(DataRecord, record["data"])),
                "model": ModelRecord(**_known(ModelRecord, record["model"])),
                "baseline": tuple(record["baseline"]),
            }
        )


def _known(kind: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def read_results(folder: RunFolder) -> RunResults:
    """Read the results of a run.

    Raises:
        UserError: if they cannot be parsed.
    """
    try:
        return RunResults.of(json.loads(folder.results.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder.results} cannot be parsed ({error}); rerun the command of {folder.path}") from error


def write_results(folder: RunFolder, results: RunResults) -> None:
    """Write the results, which mark the run as finished."""
    write_text(folder.results, results.text())


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the versions of packages and of Python."""
    return {name: version(name) for name in packages} | {"python": platform.python_version()}
