"""A run from rows to card: open the data, make the model, train, save, measure, document."""

import contextlib
import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from hf_ssl.data.columns import SURVEYED, check_columns, first_texts
from hf_ssl.data.sources import DataArguments, Source, open_source
from hf_ssl.data.stream import Stream, partition_count
from hf_ssl.data.text import TextRows
from hf_ssl.data.vocabulary import count_tokens
from hf_ssl.errors import UserError
from hf_ssl.evaluation.heldout import HeldOut, hold_out
from hf_ssl.evaluation.labelled import TooFewLabelsError, labelled_texts
from hf_ssl.evaluation.report import SPREAD, results_of, table_of
from hf_ssl.evaluation.worth import compare_features
from hf_ssl.hub.card import write_card
from hf_ssl.plots import draw_loss
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.pretext.text_models import untrained_like
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import newest_checkpoint
from hf_ssl.training.device import build_accelerator
from hf_ssl.training.pretrain import Pretraining, Progress
from hf_ssl.training.run_folder import RunFolder, replace_folder, write_text


@dataclass(frozen=True)
class Material:
    """What a run learns from and is measured on.

    Attributes:
        source: the opened data set.
        label_column: where there is one.
        tokenizer: a stock fast tokenizer.
        counts: int64, shape (vocabulary,): occurrences of each token in the first training rows.
        held_out: fixed blocks, None if the held-out rows have no text.
    """

    source: Source
    label_column: str | None
    tokenizer: PreTrainedTokenizerBase
    counts: np.ndarray
    held_out: HeldOut | None


def pretrain_masked_language(
    task: MaskedLanguage, data: DataArguments, arguments: TrainingArguments, command: str
) -> None:
    """Run or go on with a pretraining run, up to its results and card.

    Args:
        task: what is hidden and predicted.
        data: which rows.
        arguments: how to train, and the run folder.
        command: the command line, for the card.

    Raises:
        UserError: for whatever the user can mend.
        Stopped: after a signal, when all is saved.
    """
    accelerator = build_accelerator(arguments)
    resolved = {
        "mixed_precision": accelerator.mixed_precision,
        "learning_rate": arguments.peak_learning_rate(task.model_name_or_path is not None),
    }
    config = asdict(data) | asdict(task) | asdict(arguments) | resolved
    folder = RunFolder(Path(arguments.output_dir), config)
    with folder if accelerator.is_main_process else contextlib.nullcontext():
        accelerator.wait_for_everyone()
        if folder.results.exists():
            accelerator.print(table_of(json.loads(folder.results.read_text())))
            accelerator.print(f"{folder.path} holds a finished run; nothing was trained")
            return
        material = _prepare(task, data, folder, accelerator)
        model = task.model(material.tokenizer, material.counts, arguments.seed)
        progress = _train(task, data, arguments, material, model, folder, accelerator)
        if accelerator.is_main_process:
            _finish(task, arguments, material, model, progress, folder, accelerator, command)
        accelerator.end_training()


def _prepare(task: MaskedLanguage, data: DataArguments, folder: RunFolder, accelerator: Accelerator) -> Material:
    with accelerator.main_process_first():
        source = open_source(data, folder.recorded_revision(), identify=accelerator.is_main_process)
        label_column = check_columns(source.train, task.text_column, data)
        if source.evaluation is not None:
            check_columns(source.evaluation, task.text_column, data)
        if accelerator.is_main_process:
            folder.check_data(source.record())
            if not folder.tokenizer.exists():
                _make_tokenizer(task, data, source, folder)
        tokenizer = AutoTokenizer.from_pretrained(folder.tokenizer)
        counts = np.array(json.loads((folder.tokenizer / "token_counts.json").read_text()))
    measured = source.train if source.evaluation is None else source.evaluation
    held_out = hold_out(task, tokenizer, measured, source.evaluation is None) if accelerator.is_main_process else None
    return Material(source, label_column, tokenizer, counts, held_out)


def _make_tokenizer(task: MaskedLanguage, data: DataArguments, source: Source, folder: RunFolder) -> None:
    usable = TextRows(task.text_column, held_out=_training_side(source), strict=data.bad_rows == "error")
    texts = first_texts(source.train, usable)
    tokenizer = task.processor(texts)
    counts = count_tokens(tokenizer, texts)
    if counts.sum() < task.sequence_length and sum(map(len, texts)) < SURVEYED:
        raise UserError(
            f"'{source.name}' holds {counts.sum()} tokens to train on, less than one block of --sequence_length "
            f"{task.sequence_length}"
        )
    with replace_folder(folder.tokenizer) as temporary:
        tokenizer.save_pretrained(temporary)
        (temporary / "token_counts.json").write_text(json.dumps(counts.tolist()))


def _training_side(source: Source) -> bool | None:
    """Rows that the hash does not hold out, unless there is a split of its own for measuring."""
    return False if source.evaluation is None else None


def _train(
    task: MaskedLanguage,
    data: DataArguments,
    arguments: TrainingArguments,
    material: Material,
    model: PreTrainedModel,
    folder: RunFolder,
    accelerator: Accelerator,
) -> Progress:
    rows, held_out = material.source.train, material.held_out
    encoder = task.encoder(
        material.tokenizer, held_out=_training_side(material.source), strict=data.bad_rows == "error"
    )
    stream = Stream(rows, encoder, arguments.seed, partition_count(rows.shards, arguments.batch_size))
    pretraining = Pretraining(
        task=task,
        processor=material.tokenizer,
        model=model,
        stream=stream,
        arguments=arguments,
        accelerator=accelerator,
        folder=folder,
        measure=functools.partial(_heldout_loss, held_out, accelerator) if held_out else None,
        continued=task.model_name_or_path is not None,
        workers=data.dataloader_num_workers,
    )
    accelerator.print(
        f"{type(model).__name__}, {model.num_parameters():,} parameters, dropout {task.dropout}, "
        f"{accelerator.mixed_precision} mixed precision, on {accelerator.device}; '{material.source.name}' at "
        f"{material.source.revision[:12]}, {rows.shards} shards in {stream.partitions} partitions"
    )
    with accelerator.main_process_first():
        checkpoint = newest_checkpoint(folder.checkpoints)
    if accelerator.is_main_process:
        folder.cut_log(checkpoint.state["step"] if checkpoint else 0)
    if checkpoint:
        pretraining.restore(checkpoint)
        accelerator.print(f"going on after step {pretraining.progress.step} ({checkpoint.path})")
        if not material.source.seekable:
            accelerator.print("this format cannot be entered in the middle: each shard is read from its start")
    accelerator.init_trackers("hf_ssl", config={name: str(value) for name, value in folder.config.items()})
    return pretraining.run()


def _heldout_loss(
    held_out: HeldOut, accelerator: Accelerator, model: PreTrainedModel, stopped: Callable[[], bool]
) -> dict[str, float]:
    score = held_out.score(model, accelerator.autocast, stopped)
    return {"heldout_loss": score["loss"]} if score else {}


def _finish(
    task: MaskedLanguage,
    arguments: TrainingArguments,
    material: Material,
    model: PreTrainedModel,
    progress: Progress,
    folder: RunFolder,
    accelerator: Accelerator,
    command: str,
) -> None:
    """Save the model, measure it, draw, write card and results; the results come last and mark the run as finished."""
    with replace_folder(folder.model) as temporary:
        model.save_pretrained(temporary)
        material.tokenizer.save_pretrained(temporary)
    heldout = None
    if material.held_out:
        heldout = material.held_out.score(model, accelerator.autocast)
        heldout["unigram_loss"] = material.held_out.unigram_loss(material.counts)
    features, note = None, "there is no label column"
    try:
        if material.label_column:
            rows = material.source.train, material.source.evaluation
            bank, test = labelled_texts(*rows, task.text_column, material.label_column)
            models = {"pretrained": model, "untrained": untrained_like(model, arguments.seed)}
            longest, autocast = task.sequence_length, accelerator.autocast
            features = compare_features(models, material.tokenizer, bank, test, longest, autocast, arguments.seed)
            note = SPREAD
    except TooFewLabelsError as error:
        note = str(error)
    last = newest_checkpoint(folder.checkpoints)
    skipped = sum(position["skipped"] for position in last.state["positions"].values()) if last else 0
    record = material.source.record() | {"label_column": material.label_column, "skipped_rows": skipped}
    results = results_of(task, arguments, record, model, progress, heldout, features, note, command)
    draw_loss(folder, heldout)
    write_card(folder, results)
    write_text(folder.results, json.dumps(results, indent=2) + "\n")
    print(table_of(results))
    print(f"model, card and results are in {folder.path}")
