"""How scripts run and end: a user's mistake is one sentence and a non-zero status, never a traceback."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

from hf_ssl.arguments import parse_arguments, value_given
from hf_ssl.data.sources import DataArguments
from hf_ssl.errors import UserError, in_one_line
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.pretext.tasks import TaskChoice, task_class, task_names
from hf_ssl.training.arguments import TrainingArguments


def run_pretraining(arguments: Sequence[str], description: str, command: Sequence[str], task: str | None) -> None:
    """Parse the flags of a task and pretrain with it.

    Args:
        arguments: the command line without the program's name.
        description: shown by ``--help``.
        command: the whole command line, for the card.
        task: the only one that the script runs; None lets ``--task`` choose.
    """
    chosen = value_given("task", arguments) or task
    if chosen is None:
        if {"--help", "-h"} & set(arguments):  # of a task: with --task
            parse_arguments([TaskChoice, DataArguments, TrainingArguments, HubArguments], arguments, description)
        raise UserError(f"name a task with --task: one of {', '.join(task_names())}")
    if task not in (None, chosen):
        raise UserError(f"this script runs {task}; for {chosen} take scripts/pretrain.py --task {chosen}")
    if chosen == "contrastive" and not {"--help", "-h"} & set(arguments) and _holds_text(arguments):
        chosen = "contrastive_text"  # the same question of another kind of rows
    kind = task_class(chosen)
    types = [TaskChoice, kind, DataArguments, TrainingArguments, HubArguments]
    _, settled, data, training, hub = parse_arguments(types, arguments, description, kind.training_defaults)

    from huggingface_hub import HfApi

    from hf_ssl.pipeline import pretrain  # heavy: after --help

    launcher = ["torchrun", "--nproc_per_node", os.environ["WORLD_SIZE"]] if "WORLD_SIZE" in os.environ else ["python"]
    pretrain(settled, data, training, hub, HfApi(), shlex.join([*launcher, *command]))


def _holds_text(arguments: Sequence[str]) -> bool:
    """Whether the named data set has text and no images."""
    names = ("dataset_name", "dataset_config", "train_split")
    given: dict[str, Any] = {name: value for name in names if (value := value_given(name, arguments)) is not None}
    if given.get("dataset_name", "embedded:digits").startswith("embedded:digits"):
        return False

    from hf_ssl.data.columns import first_table  # heavy: after --help
    from hf_ssl.data.images import is_image_column
    from hf_ssl.data.sources import open_source

    data = DataArguments(**given).settled("digits")
    schema = first_table(open_source(data, identify=False).train, data.dataset_name).schema
    return not any(is_image_column(column.type) for column in schema) and "string" in map(str, schema.types)


def run_script(main: Callable[[list[str]], None]) -> None:
    """Run ``main`` with the command line and leave with its status.

    0: done; 1: something the user can mend; 128 + n: stopped by signal n, everything saved.
    """
    from hf_ssl.training.signals import Stopped

    status = 0
    try:
        main(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    except Stopped as stop:
        print(stop, file=sys.stderr)
        status = 128 + stop.number
    except RuntimeError as error:
        # What the collectives raise when a peer is gone or silent has no class of its own.
        if "LOCAL_RANK" not in os.environ or not re.search("gloo|nccl|connection|timed out", str(error), re.IGNORECASE):
            raise
        print(
            f"error: a process of this run failed or was lost: {in_one_line(error)}; run the same command to go on",
            file=sys.stderr,
        )
        status = 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint, if there is one", file=sys.stderr)
        status = 130
    sys.stdout.flush()
    sys.stderr.flush()
    # Readers of streamed data may still hold threads, whose end the interpreter would wait for or abort on.
    os._exit(status)
