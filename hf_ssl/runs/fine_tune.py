"""Fine-tune a pretrained run into a classifier: train on labels, measure, save, document."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from hf_ssl.common.device import keep_freed_memory
from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import FINE_TUNING, RunFolder
from hf_ssl.common.writing import replace_folder
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.embedded import settle
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.doubts import doubts_about
from hf_ssl.evaluation.intervals import Draws, accuracy_interval
from hf_ssl.evaluation.label_efficiency import draw_rows
from hf_ssl.evaluation.measured_rows import MeasuredRows, measured_rows
from hf_ssl.evaluation.metrics import Accuracy, MacroF1
from hf_ssl.runs.card import write_card
from hf_ssl.runs.fine_tuning_arguments import FineTuningArguments
from hf_ssl.runs.learn import Learned, Learner, labelled_samples
from hf_ssl.runs.pretrained import Pretrained, load_pretrained
from hf_ssl.runs.results import Cost, DataRecord, ModelRecord, RunResults, versions, write_results
from hf_ssl.training.classification import Classification, predict

MOST_ROWS = 50_000, 10_000  # to train on and to test on


@dataclass(frozen=True)
class Lesson:
    """What to fine-tune, and on which rows.

    Attributes:
        arguments: flags.
        run: pretrained run that gives the encoder.
        rows: bank and test.
        chosen: indices in the bank of the labelled rows to train on.
    """

    arguments: FineTuningArguments
    run: Pretrained
    rows: MeasuredRows
    chosen: np.ndarray


def fine_tune(arguments: FineTuningArguments, data: DataArguments, command: str) -> None:
    """Fine-tune a run's encoder on the labels of a data set, or resume; write the classifier, its results and card.

    Raises:
        UserError: for anything that the user can fix.
        Stopped: after a signal, once everything is saved.
    """
    if arguments.model_name_or_path is None:
        raise UserError("name the folder of a finished pretraining run with --model_name_or_path")
    print(f"loading {arguments.model_name_or_path}", flush=True)
    run = load_pretrained(Path(arguments.model_name_or_path))
    keep_freed_memory()
    data = settle(data, run.modality.embedded)
    folder = RunFolder(Path(arguments.output_dir), asdict(arguments) | asdict(data), FINE_TUNING, command)
    with folder:
        if folder.results.exists():
            shutil.rmtree(folder.trainings, ignore_errors=True)  # where only that was left to do
            print(f"{folder.path} holds a finished classifier; nothing was trained")
            return
        print(f"reading '{data.dataset_name}'", flush=True)
        rows = _rows(run, data)
        chosen = rows.known
        if arguments.labels_per_class:
            chosen = chosen[draw_rows(rows.bank.labels[chosen], arguments.labels_per_class, arguments.seed)]
        lesson = Lesson(arguments, run, rows, chosen)
        begun = time.perf_counter()
        learned = _learner(lesson, folder).learn(
            labelled_samples(run, [rows.bank.inputs[place] for place in chosen], rows.bank.labels[chosen])
        )
        seconds = time.perf_counter() - begun
        with replace_folder(folder.model) as temporary:
            learned.model.save_pretrained(temporary)
            run.prepared.processor.save_pretrained(temporary)
        results = _results(lesson, learned, seconds, folder)
        write_card(folder, results)
        write_results(folder, results)
        shutil.rmtree(folder.trainings)
        _tell(results, folder)


def _tell(results: RunResults, folder: RunFolder) -> None:
    held = results.heldout or {}
    print(
        f"accuracy {held['accuracy']:.3f} ({held['low']:.3f} to {held['high']:.3f}) on {held['rows']:,} test rows, from "
        f"{results.cost.units:,} labels; the commonest label alone {held['majority_accuracy']:.3f}"
    )
    print(f"classifier, card and results are in {folder.path}")


def _learner(lesson: Lesson, folder: RunFolder) -> Learner:
    arguments = lesson.arguments
    return Learner(
        run=lesson.run,
        names=lesson.rows.names,
        steps=arguments.max_steps,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        folder=folder.trainings,
        from_scratch=arguments.from_scratch,
        rate=arguments.learning_rate,
    )


def _rows(run: Pretrained, data: DataArguments) -> MeasuredRows:
    source = open_source(data)
    table = first_table(source.train, source.name)
    doubts = source.announce(table, data)
    label_column = find_label_column(table, data)
    modality = run.modality.for_columns(table, source.name, label_column)
    source = source.of_columns(modality.as_read(table), modality.columns, label_column)
    modality = modality.for_values(source.train)
    rows = measured_rows(source, data, modality, label_column, MOST_ROWS)
    doubts += doubts_about(modality, rows.bank.inputs, source.train, label_column)
    for note in rows.notes:
        print(note)
    if not rows.names:
        raise UserError(f"'{data.dataset_name}' has fewer than two usable labels; name a column with --label_column")
    if not (rows.test.labels >= 0).any():
        raise UserError(
            f"no row is left to measure on; name a split with --eval_split, or take more rows ({data.dataset_name})"
        )
    return replace(rows, warnings=doubts)


def _results(lesson: Lesson, learned: Learned, seconds: float, folder: RunFolder) -> RunResults:
    run, rows, arguments = lesson.run, lesson.rows, lesson.arguments
    measured = np.flatnonzero(rows.test.labels >= 0)
    samples = run.modality.as_samples(run.prepared, [rows.test.inputs[place] for place in measured])
    found, truth = predict(learned.model, run.prepared, samples), rows.test.labels[measured]
    interval = accuracy_interval(Draws(truth, found[None]), arguments.seed)
    # Not from the drawn rows, which are balanced over labels.
    commonest = Counter(rows.bank.labels[rows.known].tolist()).most_common(1)[0][0]
    record, model = folder.record(), learned.model
    identity = {name: value for name, value in rows.identity.items() if name in DataRecord.__dataclass_fields__}
    recipe = {"steps": learned.steps, "learning_rate": learned.learning_rate, "batch_size": arguments.batch_size}
    tried = {str(rate): score for rate, score in learned.tried.items()}
    return RunResults(
        run=record["run"],
        command=record["command"],
        kind=folder.kind,
        task=Classification.name,
        modality=run.modality.name,
        seed=arguments.seed,
        cost=Cost(round(learned.cpu_seconds, 3), round(seconds, 3), learned.steps, "labels", len(lesson.chosen)),
        data=DataRecord(
            **identity,
            label_column=rows.label_column,
            rows=rows.record(),
            warnings=rows.warnings,
            reading=rows.modality.reading_settings(),
        ),
        model=ModelRecord(
            name=type(model).__name__,
            module=type(model).__module__,
            parameters=int(model.num_parameters()),
            dropout=run.modality.dropout,
            base=str(arguments.model_name_or_path),
            base_on_hub=False,
            base_revision=None,
            tag=Classification.tag,
            pipeline=run.modality.classification_pipeline,
            library="transformers",
        ),
        baseline=Classification.baseline,
        versions=versions(),
        heldout={
            "accuracy": interval["mean"],
            "low": interval["low"],
            "high": interval["high"],
            "macro_f1": MacroF1().of(truth, found),
            "majority_accuracy": Accuracy().of(truth, np.full(len(truth), commonest)),
            "rows": len(measured),
        },
        heldout_note="test rows",
        features_note="the classifier itself was measured",
        classifier={
            "names": rows.names,
            "recipe": recipe | {"tried": tried, "from_scratch": arguments.from_scratch},
            "pretrained_by": {"task": run.task.name, "steps": run.results.cost.steps if run.results else None},
        },
    )
