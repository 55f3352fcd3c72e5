"""The loop: next batch, corrupt, loss, backward, step; once in a while measure, save, log."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, NoReturn

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from transformers import PreTrainedModel

from hf_ssl.data.batches import Batch, Batches, load_batches, read_ahead
from hf_ssl.data.stream import Position, Stream
from hf_ssl.errors import UserError, in_one_line
from hf_ssl.pretext.base import PretextTask
from hf_ssl.progress import progress_bar
from hf_ssl.randomness import key_of
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import Checkpoint, save_checkpoint
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
        processor: tokenizer or image processor.
        model: a stock model, trained in place.
        stream: endless samples.
        arguments: how to train.
        accelerator: device, processes, precision.
        folder: log and checkpoints (written by the main process only).
        measure: held-out loss of the model, where there are held-out rows.
        continued: whether the model comes from a checkpoint of somebody else.
        workers: processes that read data.
    """

    task: PretextTask
    processor: Any
    model: PreTrainedModel
    stream: Stream
    arguments: TrainingArguments
    accelerator: Accelerator
    folder: RunFolder
    measure: Callable[[PreTrainedModel], float] | None
    continued: bool = False
    workers: int = 0
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.learning_rate = self.arguments.peak_learning_rate(self.continued)
        self.optimizers = build_optimizers(
            self.model,
            self.arguments.optimizer,
            self.learning_rate,
            self.arguments.embedding_learning_rate * (0.1 if self.continued else 1.0),
            self.arguments.weight_decay,
            torch.bfloat16 if self.accelerator.mixed_precision == "bf16" else torch.float32,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint, written by whatever number of processes."""
        state = checkpoint.state
        state["positions"] = {int(partition): position for partition, position in state["positions"].items()}
        self.progress = Progress(**state)
        missing = self.model.load_state_dict(checkpoint.tensors("model"), strict=False)
        assert not missing.unexpected_keys, missing
        load_optimizer_tensors(self.optimizers, checkpoint.tensors("optimizer"))

    def save(self) -> None:
        """Write a checkpoint of the last finished step; all processes take part."""
        positions = {p: position for part in gather_object([self.progress.positions]) for p, position in part.items()}
        if self.accelerator.is_main_process:
            tensors = {"model": dict(_tensors(self.model)), "optimizer": optimizer_tensors(self.optimizers)}
            save_checkpoint(self.folder.checkpoints, {**vars(self.progress), "positions": positions}, tensors)

    def run(self) -> Progress:
        """Train up to ``max_steps``.

        Raises:
            Stopped: after a signal, when all is saved.
            UserError: if the loss is not finite, data cannot be read, or a checkpoint cannot be written.
        """
        arguments, accelerator, progress = self.arguments, self.accelerator, self.progress
        model = accelerator.prepare(self.model.to(accelerator.device))
        positions = {partition: Position(**position) for partition, position in progress.positions.items()}
        batches = Batches(
            self.stream, arguments.batch_size, positions, accelerator.process_index, accelerator.num_processes
        )
        with (
            StopRequest() as stop,
            self._open_log() as log,
            self._progress_bar() as bar,
            read_ahead(load_batches(batches, self.workers), stop) as ahead,
        ):
            model.train()
            while progress.step < arguments.max_steps:
                begun, cpu_begun = time.perf_counter(), cpu_seconds(self.workers)
                batch = self._next(ahead)
                waited = time.perf_counter() - begun
                if total(float(batch is None), accelerator) or batch is None:
                    self.save()
                    raise Stopped(stop.signal or signal.SIGTERM, progress.step)

                torch.manual_seed(key_of(arguments.seed, progress.step, accelerator.process_index))  # for dropout
                rate = warmup_stable_decay(
                    progress.step, arguments.max_steps, arguments.warmup_share, arguments.decay_share
                )
                set_learning_rate(self.optimizers, rate)
                parts = corrupt(
                    self.task, self.processor, batch, arguments.gradient_accumulation_steps, accelerator.device
                )
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
                    line["heldout_loss"] = self.measure(self.model)
                    model.train()
                log.write(json.dumps(line) + "\n")
                log.flush()
                accelerator.log(
                    {name: value for name, value in line.items() if name not in ("step", "samples")}, progress.step
                )
                bar.set_postfix_str(f"step {progress.step}/{arguments.max_steps}, loss {loss:.3f}", refresh=False)
                bar.update(arguments.batch_size * self.task.units_per_sample)
                if progress.step % arguments.save_steps == 0 or progress.step == arguments.max_steps:
                    self.save()
        return progress

    def _next(self, ahead: Iterator[Batch]) -> Batch | None:
        """The next batch, or None after a stop was asked for; a run that can read no further is saved first."""
        try:
            return next(ahead, None)
        except Exception as error:
            self.save()
            reason = str(error) if isinstance(error, UserError) else in_one_line(error)
            raise UserError(
                f"cannot read on after step {self.progress.step}, which is saved: {reason}; "
                "when that is mended, the same command goes on"
            ) from error

    def _stop_at_bad_batch(self, batch: Batch, error: NotFiniteError) -> NoReturn:
        """Keep the last good state, write down what was in the batch, and stop."""
        self.save()
        spans = [span for part in gather_object([[s.spans.tolist() for s in batch.samples]]) for span in part]
        path = self.folder.path / "bad_batch.json"
        if self.accelerator.is_main_process:
            content = {"step": self.progress.step + 1, "columns": ["shard", "row", "from", "to"], "samples": spans}
            write_text(path, json.dumps(content))
        raise UserError(
            f"step {self.progress.step + 1} is not finite ({error}); the state before it is saved, its rows are in {path}; "
            "try a lower --learning_rate in another --output_dir"
        ) from error

    def _open_log(self) -> IO[str]:
        return self.folder.log.open("a") if self.accelerator.is_main_process else open(os.devnull, "w")

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


def _tensors(model: PreTrainedModel) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and kept buffers, each once: tied weights share a tensor."""
    yield from model.named_parameters()
    kept = model.state_dict()
    yield from ((name, buffer) for name, buffer in model.named_buffers() if name in kept)
