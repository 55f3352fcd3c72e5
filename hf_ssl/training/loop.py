"""The training loop: next batch, corrupt, loss, backward, step, log; periodically evaluate and save."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.progress import progress_bar
from hf_ssl.common.randomness import key_of
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.common.script import Stopped, StopRequest
from hf_ssl.common.writing import write_text
from hf_ssl.data.batches import Batch, BatchSource, Place
from hf_ssl.data.read_ahead import ReadAhead
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import PretextTask
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import Checkpoint, Progress, model_tensors, newest_checkpoint, save_checkpoint
from hf_ssl.training.log import StepLog
from hf_ssl.training.optimizers import (
    build_optimizers,
    load_optimizer_tensors,
    optimizer_tensors,
    set_learning_rate,
    warmup_stable_decay,
)
from hf_ssl.training.step import NotFiniteError, Stepper, corrupt, cpu_seconds, samples_hash, take_step, total


@dataclass
class Training:
    """A model in training on a task and a source of batches.

    Every logged figure except the seconds depends only on the flags, the data and the step: a resumed run logs the same
    lines as an uninterrupted one.

    Attributes:
        task: what is predicted; see `PretextTask`.
        prepared: the modality, with what was learned from the first rows.
        model: trained in place.
        source: endless source of batches.
        arguments: how to train, with the learning rates settled.
        accelerator: device, processes, precision.
        folder: log and checkpoints (written by the main process only).
        measure: returns held-out figures of the model unless a stop is requested; None without held-out rows.
        read_timeout: seconds without data after which training saves and stops.
        title: shown on the progress bar.
    """

    task: PretextTask
    prepared: Prepared
    model: Any
    source: BatchSource
    arguments: TrainingArguments
    accelerator: Accelerator
    folder: RunFolder
    measure: Callable[[Any, Callable[[], bool]], dict[str, float]] | None = None
    read_timeout: float = math.inf
    title: str = "pretraining"
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.model.to(self.accelerator.device)  # before the optimizers: their state follows the parameters
        precision = torch.bfloat16 if self.accelerator.mixed_precision == "bf16" else torch.float32
        self.optimizers = build_optimizers(self.model, self.arguments, precision)

    def resume(self) -> Checkpoint | None:
        """Resume from the newest checkpoint in the folder, if any; the number of processes may have changed."""
        with self.accelerator.main_process_first():
            checkpoint = newest_checkpoint(self.folder.checkpoints)
        if self.accelerator.is_main_process:
            self.folder.cut_log(checkpoint.state["step"] if checkpoint else 0)
        if checkpoint is None:
            return None
        state = checkpoint.state
        state["positions"] = {int(partition): position for partition, position in state["positions"].items()}
        self.progress = Progress(**state)
        loaded = self.model.load_state_dict(checkpoint.tensors("model"), strict=False)  # tied weights are saved once
        assert not loaded.unexpected_keys, loaded
        load_optimizer_tensors(self.optimizers, checkpoint.tensors("optimizer"))
        return checkpoint

    def save(self) -> None:
        """Write a checkpoint of the last finished step; all processes take part."""
        # Only the partitions that this process reads: it has not followed the others.
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        known = self.progress.positions
        own = {p: known[p] for p in self.source.partitions(process, processes) if p in known}
        positions = {p: position for part in gather_object([own]) for p, position in part.items()}
        if self.accelerator.is_main_process:
            tensors = {"model": dict(model_tensors(self.model)), "optimizer": optimizer_tensors(self.optimizers)}
            save_checkpoint(self.folder.checkpoints, {**vars(self.progress), "positions": positions}, tensors)

    def run(self) -> Progress:
        """Train up to ``max_steps``; log every step, evaluate and save periodically.

        Raises:
            Stopped: after a signal, once everything is saved.
            UserError: if the loss is not finite, data cannot be read, or a checkpoint cannot be written.
        """
        arguments, accelerator, progress = self.arguments, self.accelerator, self.progress
        assert arguments.learning_rate is not None, "TrainingArguments.settled comes first"
        workers, unit, size = self.source.workers, self.source.unit, arguments.batch_size * self.source.units_per_sample
        model = accelerator.prepare(self.model)
        stepper = Stepper(self.task, model, self.optimizers, arguments.gradient_clipping, accelerator)
        with (
            StopRequest() as stop,
            StepLog(self.folder.log if accelerator.is_main_process else None) as log,
            self._progress_bar() as bar,
            ReadAhead(self._batches(), stop, self.read_timeout) as ahead,
        ):
            model.train()
            while progress.step < arguments.max_steps:
                begun, cpu_begun = time.perf_counter(), cpu_seconds(workers)
                batch = self._next(ahead)
                waited = time.perf_counter() - begun
                if batch is None:
                    raise Stopped(stop.signal or signal.SIGTERM, progress.step)

                torch.manual_seed(key_of(arguments.seed, progress.step, accelerator.process_index))  # for dropout
                rate = warmup_stable_decay(
                    progress.step, arguments.max_steps, arguments.warmup_share, arguments.decay_share
                )
                set_learning_rate(self.optimizers, rate)
                done = progress.step / arguments.max_steps
                pieces = arguments.gradient_accumulation_steps
                parts = corrupt(self.task, self.prepared, batch, pieces, (accelerator.device, done))
                try:
                    loss, norm = take_step(stepper, parts)
                except NotFiniteError as error:
                    self._stop_at_bad_batch(batch, error)

                self.task.after_step(self.model, done)
                progress.step += 1
                progress.units, progress.unit = progress.units + size, unit
                progress.positions |= batch.positions
                seconds = time.perf_counter() - begun
                progress.wall_seconds += seconds
                progress.cpu_seconds += total(cpu_seconds(workers) - cpu_begun, accelerator)
                line = {
                    "step": progress.step,
                    "loss": loss,
                    "samples": samples_hash(batch, accelerator),
                    unit: progress.units,
                    "learning_rate": arguments.learning_rate * rate,
                    "gradient_norm": norm,
                    "seconds": round(seconds, 6),
                    "data_seconds": round(waited, 6),
                }
                if self.measure and progress.step % arguments.eval_steps == 0:
                    line |= self.measure(self.model, stop)
                    model.train()
                log.write(line)
                accelerator.log(
                    {name: value for name, value in line.items() if name not in ("step", "samples")}, progress.step
                )
                bar.set_postfix_str(f"step {progress.step}/{arguments.max_steps}, loss {loss:.3f}", refresh=False)
                bar.update(size)
                if progress.step % arguments.save_steps == 0 or progress.step == arguments.max_steps:
                    self.save()
            if stop():
                raise Stopped(stop.signal or signal.SIGTERM, progress.step)
        return progress

    def _batches(self) -> Iterator[Batch]:
        place = Place(self.progress.step, self.progress.positions)
        return self.source.batches(place, self.accelerator.process_index, self.accelerator.num_processes)

    def _next(self, ahead: Iterator[Batch]) -> Batch | None:
        """Return the next batch; None, after saving, if any process was asked to stop.

        Raises:
            UserError: after saving, if any process cannot read on.
        """
        batch, failure = None, None
        try:
            batch = next(ahead, None)
        except Exception as error:
            failure = error
        # One sum tells every process about failures and stops, so that all save and end together.
        failed, stopped = divmod(int(total(1000 * (failure is not None) + (batch is None), self.accelerator)), 1000)
        if not failed and not stopped:
            return batch
        self.save()
        if not failed:
            return None
        reason = "another process could not" if failure is None else in_one_line(failure)
        if isinstance(failure, UserError):  # a worker's error has that worker's traceback above it
            reason = str(failure).strip().splitlines()[-1].removeprefix(f"{UserError.__module__}.UserError: ")
        raise UserError(
            f"cannot read on after step {self.progress.step}, which is saved: {reason}; "
            "fix that and rerun the same command to resume"
        ) from failure

    def _stop_at_bad_batch(self, batch: Batch, error: NotFiniteError) -> NoReturn:
        """Save the last good state, record the rows of the batch, and stop."""
        if all(bool(parameter.isfinite().all()) for parameter in self.model.parameters()):
            self.save()
        spans = [span for part in gather_object([[s.spans.tolist() for s in batch.samples]]) for span in part]
        path = self.folder.path / "bad_batch.json"
        if self.accelerator.is_main_process:
            files = {shard: self.source.name(shard) for sample in spans for shard, *_ in sample}
            columns = ["shard", "row", "from", "to"]
            content = {"step": self.progress.step + 1, "columns": columns, "samples": spans, "shards": files}
            write_text(path, json.dumps(content))
        raise UserError(
            f"step {self.progress.step + 1} is not finite ({error}); the state before it is saved, its rows are in {path}; "
            "try a lower --learning_rate in another --output_dir"
        ) from error

    def _progress_bar(self) -> Any:
        size = self.arguments.batch_size * self.source.units_per_sample
        return progress_bar(
            self.title,
            total=self.arguments.max_steps * size,
            initial=self.progress.step * size,
            unit=self.source.unit.rstrip("s"),
            unit_scale=True,
            disable=not self.accelerator.is_main_process,
        )
