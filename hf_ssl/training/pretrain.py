"""The loop: next batch, corrupt, loss, backward, step; once in a while measure, save, log."""

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

from hf_ssl.data.batches import Batch, Batches, ReadAhead, load_batches
from hf_ssl.data.stream import Position, Stream
from hf_ssl.errors import UserError, in_one_line
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.progress import progress_bar
from hf_ssl.randomness import key_of
from hf_ssl.training.arguments import CONTINUED, TrainingArguments
from hf_ssl.training.checkpoint import Checkpoint, model_tensors, save_checkpoint
from hf_ssl.training.log import StepLog
from hf_ssl.training.optimizers import (
    build_optimizers,
    load_optimizer_tensors,
    optimizer_tensors,
    set_learning_rate,
    warmup_stable_decay,
)
from hf_ssl.training.processes import cpu_seconds, samples_hash, total
from hf_ssl.training.run_folder import RunFolder, write_text
from hf_ssl.training.signals import Stopped, StopRequest
from hf_ssl.training.step import NotFiniteError, corrupt, take_step


@dataclass
class Progress:
    """What a checkpoint keeps beside the tensors.

    Attributes:
        step: optimizer steps done.
        units: tokens (or images) seen, over all processes.
        cpu_seconds: of training without measuring, over all processes.
        wall_seconds: of training without measuring.
        positions: of each partition of the stream, after the last batch that was trained on.
    """

    step: int = 0
    units: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    positions: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Pretraining:
    """A model, a task and a stream of data on their way through the loop.

    Every logged figure but the seconds is a function of the flags, the data and the step: a run that was killed and started
    again logs the same lines as one that was not.

    Attributes:
        task: what is hidden and predicted.
        prepared: what the task learned before training.
        model: trained in place.
        stream: endless samples.
        arguments: how to train.
        accelerator: device, processes, precision.
        folder: log and checkpoints (written by the main process only).
        measure: held-out figures of the model, if there are held-out rows and no stop is asked for meanwhile.
        continued: whether the model comes from a checkpoint of somebody else.
        workers: processes that read data.
        read_timeout: seconds without any data after which all is saved and training stops.
    """

    task: PretextTask
    prepared: Prepared
    model: Any
    stream: Stream
    arguments: TrainingArguments
    accelerator: Accelerator
    folder: RunFolder
    measure: Callable[[Any, Callable[[], bool]], dict[str, float]] | None
    continued: bool = False
    workers: int = 0
    read_timeout: float = math.inf
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.model.to(self.accelerator.device)  # before the optimizers: their state follows the parameters
        self.learning_rate = self.arguments.peak_learning_rate(self.task.learning_rates, self.continued)
        self.optimizers = build_optimizers(
            self.model,
            self.arguments.optimizer,
            self.learning_rate,
            self.arguments.embedding_learning_rate * (CONTINUED if self.continued else 1.0),
            self.arguments.weight_decay,
            torch.bfloat16 if self.accelerator.mixed_precision == "bf16" else torch.float32,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint, written by whatever number of processes."""
        state = checkpoint.state
        state["positions"] = {int(partition): position for partition, position in state["positions"].items()}
        self.progress = Progress(**state)
        loaded = self.model.load_state_dict(checkpoint.tensors("model"), strict=False)  # tied weights are saved once
        assert not loaded.unexpected_keys, loaded
        load_optimizer_tensors(self.optimizers, checkpoint.tensors("optimizer"))

    def save(self) -> None:
        """Write a checkpoint of the last finished step; all processes take part."""
        # Only the partitions that a process reads: of the others it knows nothing since it started.
        own = {p: self.progress.positions[p] for p in self._batches().partitions() if p in self.progress.positions}
        positions = {p: position for part in gather_object([own]) for p, position in part.items()}
        if self.accelerator.is_main_process:
            tensors = {"model": dict(model_tensors(self.model)), "optimizer": optimizer_tensors(self.optimizers)}
            save_checkpoint(self.folder.checkpoints, {**vars(self.progress), "positions": positions}, tensors)

    def run(self) -> Progress:
        """Train up to ``max_steps``.

        Raises:
            Stopped: after a signal, when all is saved.
            UserError: if the loss is not finite, data cannot be read, or a checkpoint cannot be written.
        """
        arguments, accelerator, progress = self.arguments, self.accelerator, self.progress
        model = accelerator.prepare(self.model)
        with (
            StopRequest() as stop,
            StepLog(self.folder.log if accelerator.is_main_process else None) as log,
            self._progress_bar() as bar,
            ReadAhead(load_batches(self._batches(), self.workers), stop, self.read_timeout) as ahead,
        ):
            model.train()
            while progress.step < arguments.max_steps:
                begun, cpu_begun = time.perf_counter(), cpu_seconds(self.workers)
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
                parts = corrupt(self.task, self.prepared, batch, pieces, done, accelerator.device)
                try:
                    loss, norm = take_step(
                        self.task, model, self.optimizers, parts, arguments.gradient_clipping, accelerator
                    )
                except NotFiniteError as error:
                    self._stop_at_bad_batch(batch, error)

                progress.step += 1
                progress.units += arguments.batch_size * self.task.units_per_sample
                progress.positions |= batch.positions
                seconds = time.perf_counter() - begun
                progress.wall_seconds += seconds
                progress.cpu_seconds += total(cpu_seconds(self.workers) - cpu_begun, accelerator)
                line = {
                    "step": progress.step,
                    "loss": loss,
                    "samples": samples_hash(batch, accelerator),
                    self.task.unit: progress.units,
                    "learning_rate": self.learning_rate * rate,
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
                bar.update(arguments.batch_size * self.task.units_per_sample)
                if progress.step % arguments.save_steps == 0 or progress.step == arguments.max_steps:
                    self.save()
            if stop():
                raise Stopped(stop.signal or signal.SIGTERM, progress.step)
        return progress

    def _batches(self) -> Batches:
        positions = {partition: Position(**position) for partition, position in self.progress.positions.items()}
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        return Batches(self.stream, self.arguments.batch_size, positions, process, processes)

    def _next(self, ahead: Iterator[Batch]) -> Batch | None:
        """The next batch; None, with all saved, if any process was asked to stop.

        Raises:
            UserError: with all saved, if any process can read no further.
        """
        batch, failure = None, None
        try:
            batch = next(ahead, None)
        except Exception as error:
            failure = error
        # One sum tells every process what happened to any of them, so that all save and end together.
        failed, stopped = divmod(int(total(1000 * (failure is not None) + (batch is None), self.accelerator)), 1000)
        if not failed and not stopped:
            return batch
        self.save()
        if not failed:
            return None
        reason = "another process could not" if failure is None else in_one_line(failure)
        if isinstance(failure, UserError):  # one from a worker comes with that worker's traceback above it
            reason = str(failure).strip().splitlines()[-1].removeprefix(f"{UserError.__module__}.UserError: ")
        raise UserError(
            f"cannot read on after step {self.progress.step}, which is saved: {reason}; "
            "when that is mended, the same command goes on"
        ) from failure

    def _stop_at_bad_batch(self, batch: Batch, error: NotFiniteError) -> NoReturn:
        """Keep the last good state, write down what was in the batch, and stop."""
        if all(bool(parameter.isfinite().all()) for parameter in self.model.parameters()):
            self.save()
        spans = [span for part in gather_object([[s.spans.tolist() for s in batch.samples]]) for span in part]
        path = self.folder.path / "bad_batch.json"
        if self.accelerator.is_main_process:
            files = {shard: self.stream.rows.name(shard) for sample in spans for shard, *_ in sample}
            columns = ["shard", "row", "from", "to"]
            content = {"step": self.progress.step + 1, "columns": columns, "samples": spans, "shards": files}
            write_text(path, json.dumps(content))
        raise UserError(
            f"step {self.progress.step + 1} is not finite ({error}); the state before it is kept, its rows are in {path}; "
            "try a lower --learning_rate in another --output_dir"
        ) from error

    def _progress_bar(self) -> Any:
        size = self.arguments.batch_size * self.task.units_per_sample
        return progress_bar(
            "pretraining",
            total=self.arguments.max_steps * size,
            initial=self.progress.step * size,
            unit=self.task.unit.rstrip("s"),
            unit_scale=True,
            disable=not self.accelerator.is_main_process,
        )
