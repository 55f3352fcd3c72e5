"""A run from rows to card: open the data, make the model, train, save, measure, document."""

import contextlib
import functools
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from huggingface_hub import HfApi

from hf_ssl.data.columns import find_label_column, first_inputs, first_table
from hf_ssl.data.sources import DataArguments, Source, open_source
from hf_ssl.data.stream import Stream, partition_count
from hf_ssl.errors import UserError
from hf_ssl.evaluation.heldout import HeldOut, hold_out
from hf_ssl.evaluation.online import OnlineProbe, online_probe
from hf_ssl.evaluation.report import table_of
from hf_ssl.finish import Material, finish
from hf_ssl.hub.access import open_repository
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.hub.repository import Repository, tell
from hf_ssl.pretext.base import PretextTask
from hf_ssl.threads import torch_threads
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import newest_checkpoint
from hf_ssl.training.device import build_accelerator
from hf_ssl.training.memory import keep_freed_memory
from hf_ssl.training.pretrain import Pretraining, Progress
from hf_ssl.training.run_folder import RunFolder, replace_folder


def pretrain(
    task: PretextTask,
    data: DataArguments,
    arguments: TrainingArguments,
    hub: HubArguments,
    api: HfApi,
    command: str,
    measure_features: bool = True,
) -> None:
    """Run or go on with a pretraining run, up to its results and card, and publish it if that is asked for.

    Args:
        task: what is hidden and predicted.
        data: which rows.
        arguments: how to train, and the run folder.
        hub: whether and where to publish.
        api: of the Hub.
        command: the command line, for the card.
        measure_features: against labels, where there are any.

    Raises:
        UserError: for whatever the user can mend.
        Stopped: after a signal, when all is saved.
    """
    if task.needs_whole_batch and arguments.gradient_accumulation_steps > 1:
        raise UserError(
            f"--gradient_accumulation_steps does not go with {task.name}, which compares all samples of a batch; "
            "use more processes, or a smaller --batch_size"
        )
    data = data.settled(task.embedded)
    keep_freed_memory()
    accelerator = build_accelerator(arguments, data.read_timeout)
    resolved = {
        "mixed_precision": accelerator.mixed_precision,
        "learning_rate": arguments.peak_learning_rate(task.learning_rates, task.model_name_or_path is not None),
    }
    config = {"task": task.name} | asdict(data) | asdict(task) | asdict(arguments) | resolved
    folder = RunFolder(Path(arguments.output_dir), config, command)
    with folder if accelerator.is_main_process else contextlib.nullcontext():
        accelerator.wait_for_everyone()
        main = accelerator.is_main_process
        if folder.results.exists():
            accelerator.print(table_of(json.loads(folder.results.read_text())))
            accelerator.print(f"{folder.path} holds a finished run; nothing was trained")
        else:
            material = _prepare(task, data, arguments, folder, accelerator, measure_features)
            if main and hub.push_to_hub:
                _open(api, hub, folder)
            model = material.task.model(material.prepared, arguments.seed)
            progress = _train(material, data, arguments, model, folder, accelerator)
            if main:
                _finish(material, arguments, model, progress, folder, accelerator)
        if main and hub.push_to_hub:
            tell(publish(Publication(folder, json.loads(folder.results.read_text()), _open(api, hub, folder))))
        accelerator.end_training()


def _open(api: HfApi, hub: HubArguments, folder: RunFolder) -> Repository:
    return open_repository(api, hub.hub_model_id, folder.path, hub.hub_private, folder.record()["run"])


def _finish(
    material: Material,
    arguments: TrainingArguments,
    model: Any,
    progress: Progress,
    folder: RunFolder,
    accelerator: Accelerator,
) -> None:
    try:
        finish(material, arguments, model, progress, folder, accelerator.autocast)
    except UserError as error:
        raise UserError(f"{error}; the training is done and saved, and the same command goes on from there") from error


def _prepare(
    task: PretextTask,
    data: DataArguments,
    arguments: TrainingArguments,
    folder: RunFolder,
    accelerator: Accelerator,
    measure_features: bool,
) -> Material:
    with accelerator.main_process_first():
        accept = data.changed_data == "accept"
        newest_wanted = accept and accelerator.is_main_process  # the others read what it has found
        begun_with = None if newest_wanted else folder.data().get("revision")
        source = open_source(data, begun_with, identify=accelerator.is_main_process)
        table = first_table(source.train, data.dataset_name)
        task = task.for_columns(table, data.dataset_name)
        label_column = find_label_column(table, data) if measure_features else None
        if source.evaluation is not None:
            task.for_columns(first_table(source.evaluation, data.dataset_name), data.dataset_name)
        if accelerator.is_main_process:
            newest = newest_checkpoint(folder.checkpoints)
            step = newest.state["step"] if newest else 0
            folder.check_data(source.record(), step if accept else None)
            if not folder.processor.exists():
                _survey(task, data, arguments, source, folder)
        prepared = task.load_prepared(folder.processor)
    held_out, probe = None, None
    if accelerator.is_main_process:
        split_by_hash = source.evaluation is None
        measured = source.evaluation or source.train
        held_out = hold_out(task, prepared, measured, split_by_hash, arguments.batch_size)
        probe = online_probe(task, prepared, source.train, source.evaluation, label_column)
    return Material(task, prepared, source, label_column, held_out, probe)


def _survey(
    task: PretextTask, data: DataArguments, arguments: TrainingArguments, source: Source, folder: RunFolder
) -> None:
    """Look at the first rows, make the processor, keep what was learned."""
    reader = task.reader(held_out=_training_side(source), strict=data.bad_rows == "error")
    inputs = first_inputs(source.train, reader, task.size_of, task.surveyed, _most_skipped(task, data))
    seen = sum(map(task.size_of, inputs))
    if task.units_per_sample == 1 and seen < task.surveyed and len(inputs) < arguments.batch_size:
        raise UserError(
            f"'{source.name}' holds {len(inputs)} usable rows to train on, fewer than --batch_size {arguments.batch_size}; "
            "give a smaller one"
        )
    with replace_folder(folder.processor) as temporary:
        task.prepare(inputs).save(temporary)


def _training_side(source: Source) -> bool | None:
    """Rows that the hash does not hold out, unless there is a split of its own for measuring."""
    return False if source.evaluation is None else None


def _most_skipped(task: PretextTask, data: DataArguments) -> float:
    return task.most_skipped if data.max_skipped is None else data.max_skipped


def _train(
    material: Material,
    data: DataArguments,
    arguments: TrainingArguments,
    model: Any,
    folder: RunFolder,
    accelerator: Accelerator,
) -> Progress:
    task, source, rows = material.task, material.source, material.source.train
    strict = data.bad_rows == "error"
    stream = Stream(
        rows,
        task.encoder(material.prepared, held_out=_training_side(source), strict=strict),
        arguments.seed,
        partition_count(rows.shards, arguments.batch_size),
        task.block_rows,
        _most_skipped(task, data),
    )
    pretraining = Pretraining(
        task=task,
        prepared=material.prepared,
        model=model,
        stream=stream,
        arguments=arguments,
        accelerator=accelerator,
        folder=folder,
        measure=functools.partial(_measure, material.held_out, material.probe, accelerator)
        if material.held_out or material.probe
        else None,
        continued=task.model_name_or_path is not None,
        workers=data.dataloader_num_workers,
        read_timeout=data.read_timeout,
    )
    accelerator.print(
        f"{task.name}: {type(model.base_model).__name__}, {model.num_parameters():,} parameters, dropout {task.dropout}, "
        f"{accelerator.mixed_precision} mixed precision, on {accelerator.device}; '{source.name}' at "
        f"{source.revision[:12]}, {rows.shards} shards in {stream.partitions} partitions"
    )
    with accelerator.main_process_first():
        checkpoint = newest_checkpoint(folder.checkpoints)
    if accelerator.is_main_process:
        folder.cut_log(checkpoint.state["step"] if checkpoint else 0)
    if checkpoint:
        pretraining.restore(checkpoint)
        if checkpoint.state["step"] <= folder.data()["since_step"]:  # positions in data that are no more
            pretraining.progress.positions = {}
        accelerator.print(f"going on after step {pretraining.progress.step} ({checkpoint.path})")
        if not source.seekable:
            accelerator.print("this format cannot be entered in the middle: each shard is read from its start")
    accelerator.init_trackers("hf_ssl", config={name: str(value) for name, value in folder.config.items()})
    with torch_threads(task.threads):
        return pretraining.run()


def _measure(
    held_out: HeldOut | None,
    probe: OnlineProbe | None,
    accelerator: Accelerator,
    model: Any,
    stopped: Callable[[], bool],
) -> dict[str, float]:
    score = held_out.score(model, accelerator.autocast, stopped) if held_out else {}
    figures = {"heldout_loss": score["loss"]} if score else {}
    return figures | (probe.figures(model, accelerator.autocast) if probe and not stopped() else {})
