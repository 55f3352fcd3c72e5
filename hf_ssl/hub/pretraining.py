"""Pretrain from the command line: parse the flags of task and modality, run, publish if that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments, values_given
from hf_ssl.common.progress import say
from hf_ssl.common.script import command_line
from hf_ssl.data.arguments import DataArguments
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.modalities.known import MODALITIES, chosen_by, flags_of, recognise
from hf_ssl.pretext.pairing import (
    PairingChoice,
    defaults_of,
    flag_types,
    modalities_of,
    pair_parsed,
    task_class,
    task_names,
)
from hf_ssl.training.arguments import TrainingArguments

GONE = {"contrastive_text": "contrastive --modality text"}  # tasks that older versions had -> what to give instead
LOOKED_AT = ("dataset_name", "dataset_config", "train_split", "label_column", "sample_by", "encoding")


def run_pretraining(arguments: Sequence[str], description: str, task: str | None = None) -> None:
    """Parse the flags of a task on a modality, pretrain, publish.

    Args:
        arguments: the command line without the program's name.
        description: shown by ``--help``.
        task: the only one that the script runs; None lets ``--task`` choose.

    Raises:
        UserError: for anything that the user can fix.
        Stopped: after a signal, when all is saved.
    """
    reading = [flag for name in MODALITIES for flag in flags_of(name)[0].reading]
    given = values_given(("task", "modality", *LOOKED_AT, *reading), arguments)
    helped = bool({"--help", "-h"} & set(arguments))
    common = [DataArguments, TrainingArguments, HubArguments]
    chosen = given.get("task") or task
    if chosen is None:
        if helped:  # of a task: with --task
            parse_arguments([PairingChoice, *common], arguments, description)
        raise UserError(f"name a task with --task: one of {', '.join(task_names())}")
    if chosen in GONE:
        raise UserError(f"there is no task '{chosen}' any more; give --task {GONE[chosen]}")
    if task not in (None, chosen):
        raise UserError(f"this script runs {task}; for {chosen} use scripts/pretrain.py --task {chosen}")
    if len(values_given(("budget", "max_steps"), arguments)) == 2:
        raise UserError("--budget and --max_steps exclude each other: the budget decides how many steps there are")
    modality = given.get("modality") or _modality_of(chosen, given, helped)
    types = flag_types(chosen, modality)
    defaults = defaults_of(chosen, modality)
    # The help is of one modality, but another data set may choose another one.
    settled = {"task": chosen} if helped else {"task": chosen, "modality": modality}
    _, *parts, data, training, hub = parse_arguments(
        [PairingChoice, *types, *common], arguments, description, defaults | settled
    )
    say("loading libraries")

    from hf_ssl.hub.pretrain_and_publish import pretrain_and_publish  # heavy: after --help

    pretrain_and_publish(pair_parsed(modality, parts), data, training, hub, command_line(arguments))


def _modality_of(task: str, given: dict[str, str], helped: bool) -> str:
    """Return the modality that the flags for reading or the named data set ask for, or the first that the task goes with."""
    possible = modalities_of(task_class(task))
    named = chosen_by(set(given))
    if named in possible:
        return named
    if len(possible) == 1 or helped or "dataset_name" not in given:
        return possible[0]

    say(f"looking at '{given['dataset_name']}'")
    from hf_ssl.data.columns import first_table
    from hf_ssl.data.label_columns import find_label_column
    from hf_ssl.data.sources import open_source

    flags: dict[str, Any] = {name: given[name] for name in LOOKED_AT if name in given}
    data = DataArguments(**flags, max_skipped=1.0)  # what is not read is judged later
    table = first_table(open_source(data, identify=False).train, data.dataset_name)
    return recognise(table, data.dataset_name, find_label_column(table, data))
