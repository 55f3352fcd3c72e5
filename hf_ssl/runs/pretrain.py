"""A pretraining run from rows to card: open the data, build the model, train, save, measure, document."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from hf_ssl.common.device import keep_freed_memory
from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import PRETRAINING, RunFolder
from hf_ssl.common.writing import replace_folder
from hf_ssl.data.columns import first_inputs, first_table
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.sources import Source, open_source
from hf_ssl.data.stream import partition_count
from hf_ssl.evaluation.doubts import doubts_about
from hf_ssl.modalities.base import Modality
from hf_ssl.runs.finish import Material, finish
from hf_ssl.runs.job import Job
from hf_ssl.runs.phases import Phases
from hf_ssl.runs.results import read_results
from hf_ssl.runs.table import table_of
from hf_ssl.runs.watching import held_out_inputs, online_probe
from hf_ssl.training.accelerator import build_accelerator
from hf_ssl.training.checkpoint import newest_checkpoint


@dataclass
class PretrainingRun:
    """A run in its locked folder.

    Attributes:
        job: what to pretrain.
        accelerator: device, processes, precision.
        folder: run folder.
        material: what the run is trained on, once it is prepared.
    """

    job: Job
    accelerator: Accelerator
    folder: RunFolder
    material: Material | None = field(default=None)

    @property
    def main(self) -> bool:
        """Return whether this is the main process, which writes."""
        return bool(self.accelerator.is_main_process)

    @property
    def finished(self) -> bool:
        """Return whether the results exist."""
        return self.folder.results.exists()

    def say(self, text: str) -> None:
        """Print, from the main process only."""
        if self.main:
            print(text, flush=True)

    def prepare(self) -> None:
        """Open the data, fit the processor on the first rows, choose the held-out rows.

        Raises:
            UserError: for anything that the user can fix.
        """
        job, folder, data = self.job, self.folder, self.job.data
        self.say(f"reading '{data.dataset_name}'")
        with self.accelerator.main_process_first():
            accept = data.changed_data == "accept"
            # The other processes read what the main one found.
            begun_with = None if accept and self.main else folder.data().get("revision")
            source = open_source(data, begun_with, identify=self.main)
            table = first_table(source.train, data.dataset_name)
            doubts = source.announce(table, data) if self.main else []
            label_column = find_label_column(table, data)
            modality = job.pairing.modality.for_columns(table, data.dataset_name, label_column)
            if source.evaluation is not None:
                modality.for_columns(first_table(source.evaluation, data.dataset_name), data.dataset_name, label_column)
            source = source.of_columns(modality.as_read(table), modality.columns, label_column)
            if not folder.processor.exists():
                modality = modality.for_values(source.train)
            if self.main:
                newest = newest_checkpoint(folder.checkpoints)
                step = newest.state["step"] if newest else 0
                folder.check_data(source.record(), step if accept else None)
                if not folder.processor.exists():
                    self._survey(source, modality, label_column, doubts)
            prepared = modality.load_prepared(folder.processor)
        held_out, probe = None, None
        label_column = label_column if job.measure_features else None
        if self.main:
            held_out = held_out_inputs(job, prepared, source)
            probe = online_probe(job, prepared, source, label_column)
        autocast = self.accelerator.autocast
        self.material = Material(job.task, prepared, source, data, label_column, held_out, probe, autocast)

    def train_and_finish(self) -> None:
        """Train, save, measure and document the model.

        Raises:
            UserError: for anything that the user can fix.
            Stopped: after a signal, once everything is saved.
        """
        material = self.material
        assert material is not None, "prepare comes first"
        task, prepared = material.task, material.prepared
        model = task.model(prepared, self.job.training.seed)
        self._describe(material, model)
        flags = {name: str(value) for name, value in self.folder.config.items()}
        self.accelerator.init_trackers("hf_ssl", config=flags)
        phases = Phases(self.job, material, self.folder, self.accelerator, model)
        phases.make_plan()
        phases.train_first()
        progress = phases.train()
        if self.main:
            try:
                finish(material, model, progress, self.folder, phases.plan)
            except UserError as error:
                raise UserError(f"{error}; training is done and saved: rerun the same command to resume") from error
        self.accelerator.end_training()

    def _survey(self, source: Source, modality: Modality, label_column: str | None, doubts: list[str]) -> None:
        """Fit the processor on the first rows and save it."""
        job = self.job
        reader = modality.reader(held_out=source.training_side, strict=job.data.bad_rows == "error")
        inputs = first_inputs(source.train, reader, modality, modality.surveyed, job.most_skipped)
        seen = sum(map(modality.size_of, inputs))
        if not job.task.packed and seen < modality.surveyed and len(inputs) < job.training.batch_size:
            raise UserError(
                f"'{source.name}' holds {len(inputs)} usable rows to train on, fewer than --batch_size "
                f"{job.training.batch_size}; use a smaller one"
            )
        warnings = doubts_about(modality, inputs, source.train, label_column)
        self.folder.add_to_data(warnings=doubts + warnings, reading=modality.reading_settings())
        prepared = modality.prepare(inputs, job.needs)
        statistics = job.task.survey(inputs, prepared) | {"rows": torch.tensor(len(inputs))}
        prepared = replace(prepared, statistics=prepared.statistics | statistics)
        with replace_folder(self.folder.processor) as temporary:
            prepared.save(temporary)

    def _describe(self, material: Material, model: Any) -> None:
        rows, source = material.source.train, material.source
        parameters = sum(parameter.numel() for parameter in model.parameters())
        partitions = partition_count(rows.shards, self.job.training.batch_size)
        self.say(
            f"{material.task.name} on {material.prepared.modality.name}: {type(model.base_model).__name__}, {parameters:,} "
            f"parameters, {self.accelerator.mixed_precision} mixed precision, on {self.accelerator.device}; '{source.name}' "
            f"at {source.revision[:12]}, {rows.shards} shards in {partitions} partitions"
        )


@contextlib.contextmanager
def open_run(job: Job) -> Iterator[PretrainingRun]:
    """Lock the folder of a new or interrupted run.

    Raises:
        UserError: if it holds something else, or another process uses it.
    """
    keep_freed_memory()
    accelerator = build_accelerator(job.training, job.data.read_timeout)
    resolved = {"mixed_precision": accelerator.mixed_precision}
    config = job.pairing.settings() | asdict(job.data) | asdict(job.training) | resolved
    folder = RunFolder(Path(job.training.output_dir), config, PRETRAINING, job.command)
    with folder if accelerator.is_main_process else contextlib.nullcontext():
        accelerator.wait_for_everyone()
        yield PretrainingRun(job, accelerator, folder)


def pretrain(job: Job) -> None:
    """Start or resume a pretraining run, up to its results and card.

    Raises:
        UserError: for anything that the user can fix.
        Stopped: after a signal, once everything is saved.
    """
    with open_run(job) as run:
        if tell_if_finished(run):
            return
        run.prepare()
        run.train_and_finish()


def tell_if_finished(run: PretrainingRun) -> bool:
    """Return whether the run is finished; if so, print its results."""
    if run.finished:
        run.say(f"{table_of(read_results(run.folder))}\n{run.folder.path} holds a finished run; nothing was trained")
    return run.finished
