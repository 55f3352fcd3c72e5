"""The phases of a run: what the budget buys, the first phase, and the task itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from accelerate import Accelerator

from hf_ssl.common.device import torch_threads
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.data.batches import StreamSource
from hf_ssl.data.stream import Stream, partition_count
from hf_ssl.evaluation.measured_rows import classes_among, first_inputs_of
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.parts.beginning import BeginsWithContrast
from hf_ssl.runs.finish import Material
from hf_ssl.runs.first_phase import first_job
from hf_ssl.runs.job import Job
from hf_ssl.runs.run_plan import RunPlan, Speeds, elapsed, plan_run, seconds_of_measuring, seconds_of_step
from hf_ssl.runs.watching import watch
from hf_ssl.training.checkpoint import Progress, newest_checkpoint
from hf_ssl.training.loop import Training

FEW = 256  # inputs, by which measuring is timed
MANY = 2000  # rows, in which labels are counted


@dataclass
class Phases:
    """The trainings of a run, one after the other.

    Attributes:
        job: what to pretrain; its steps are those of the plan, once there is one.
        material: what the run is trained and measured on.
        folder: run folder.
        accelerator: device, processes, precision.
        model: of the task, new.
        plan: what the budget buys, if there is one.
    """

    job: Job
    material: Material
    folder: RunFolder
    accelerator: Accelerator
    model: Any
    plan: RunPlan | None = None

    @property
    def main(self) -> bool:
        """Return whether this is the main process, which writes."""
        return bool(self.accelerator.is_main_process)

    def make_plan(self) -> None:
        """Turn the budget, if there is one, into steps, or read the plan that was made."""
        training = self.job.training
        if training.budget is None:
            return
        if not self.folder.plan.exists():
            plan = self._plan(training.budget)
            if self.main:
                plan.save(self.folder.plan)
        self.accelerator.wait_for_everyone()
        self._follow(RunPlan.load(self.folder.plan))

    def _follow(self, plan: RunPlan) -> None:
        """Take the steps of a plan."""
        if self.main:
            first = f"{plan.first_steps:,} steps of contrast, then about " if not plan.first_done else ""
            print(f"the budget of {plan.budget} buys {first}{plan.max_steps:,} steps", flush=True)
        self.plan = plan
        self.job = replace(self.job, training=replace(self.job.training, max_steps=plan.max_steps))

    def train_first(self) -> None:
        """Train the first phase, if the task has one, and let the model begin with what it has learned."""
        job = self._first_job()
        if job is not None and self.plan is not None:
            job = replace(job, training=replace(job.training, max_steps=self.plan.first_steps))
        if job is None:
            return
        folder = self.folder.first_phase()
        if self.main:
            newest = newest_checkpoint(folder.checkpoints)
            accept = newest.state["step"] if newest and job.data.changed_data == "accept" else None
            folder.check_data(self.material.source.record(), accept)
        self.accelerator.wait_for_everyone()
        training = self._first_training(job, folder)
        progress = self._run(training)
        assert isinstance(self.job.task, BeginsWithContrast)
        self.job.task.begin_with(self.model, training.model)
        if self.plan is not None and not self.plan.first_done:
            if self.main:
                self.plan.after(progress.wall_seconds).save(self.folder.plan)
            self.accelerator.wait_for_everyone()
            self._follow(RunPlan.load(self.folder.plan))

    def train(self) -> Progress:
        """Train the task itself, up to its last step."""
        training = self._training(self.job, self.material.prepared, self.model, self.folder)
        training.measure = watch(self.material.held_out, self.material.probe, self.accelerator)
        return self._run(training)

    def _run(self, training: Training) -> Progress:
        """Resume from the newest checkpoint, if there is one, and train."""
        checkpoint = training.resume()
        if checkpoint is not None:
            if training.progress.step <= training.folder.data()["since_step"]:  # positions in data that have changed
                training.progress.positions = {}
            if self.main:
                print(f"resuming after step {training.progress.step} ({checkpoint.path})", flush=True)
                if not self.material.source.seekable:
                    print("this format does not support seeking: each shard is read from its start", flush=True)
        with torch_threads(training.prepared.modality.threads):
            return training.run()

    def _training(self, job: Job, prepared: Prepared, model: Any, folder: RunFolder) -> Training:
        rows = self.material.source.train
        strict, side = job.data.bad_rows == "error", self.material.source.training_side
        stream = Stream(
            rows,
            prepared.modality.row_encoder(prepared, job.needs, held_out=side, strict=strict),
            job.training.seed,
            partition_count(rows.shards, job.training.batch_size),
            prepared.modality.block_rows,
            job.most_skipped,
        )
        return Training(
            task=job.task,
            prepared=prepared,
            model=model,
            source=StreamSource(stream, job.training.batch_size, job.data.dataloader_num_workers),
            arguments=job.training,
            accelerator=self.accelerator,
            folder=folder,
            read_timeout=job.data.read_timeout,
        )

    def _first_job(self) -> Job | None:
        return first_job(self.job, self.material.prepared, self.model, self.accelerator.num_processes)

    def _first_training(self, job: Job, folder: RunFolder) -> Training:
        prepared = replace(self.material.prepared, modality=job.pairing.modality)
        model = job.task.model(prepared, job.training.seed)
        return replace(self._training(job, prepared, model, folder), title="contrast first")

    def _seconds_of_watching(self) -> float:
        """Return how long an evaluation during training takes; the second one is timed, as the first is slower."""
        measure = watch(self.material.held_out, self.material.probe, self.accelerator)
        if measure is None:
            return 0.0
        for _ in range(2):
            begun = time.perf_counter()
            measure(self.model, lambda: False)
        self.model.train()
        return time.perf_counter() - begun

    def _few_inputs(self) -> list[Any]:
        source, modality = self.material.source, self.material.prepared.modality
        measured = source.train if source.evaluation is None else source.evaluation
        return first_inputs_of(modality, measured, source.evaluation is None, FEW)

    def _plan(self, budget: str) -> RunPlan:
        """Time a few steps and a few features."""
        material, accelerator = self.material, self.accelerator
        most_first, first_share = 0, 0.0
        whole = replace(self.job, training=replace(self.job.training, max_steps=2**31))
        first = first_job(whole, material.prepared, self.model, accelerator.num_processes)
        first_step, measuring = 0.0, 0.0
        if first is not None and isinstance(self.job.task, BeginsWithContrast):
            most_first, first_share = first.training.max_steps, self.job.task.first_share
            training = self._first_training(first, self.folder)
            with torch_threads(training.prepared.modality.threads):
                first_step = seconds_of_step(training)
        with torch_threads(material.prepared.modality.threads):
            step = seconds_of_step(self._training(self.job, material.prepared, self.model, self.folder))
        if self.main:
            step += self._seconds_of_watching() / self.job.training.eval_steps
            if material.label_column:
                measuring = seconds_of_measuring(
                    lambda few: material.prepared.modality.embed(self.model, material.prepared, few, material.autocast),
                    self._few_inputs(),
                    material.prepared,
                    classes_among(material.source.train, material.label_column, MANY),
                )
        return plan_run(
            budget, self.job.training.seconds - elapsed(), Speeds(step, first_step, measuring), most_first, first_share
        )
