"""The accelerator: device, processes, precision, tracker."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs

from hf_ssl.common.device import has_bfloat16
from hf_ssl.common.errors import UserError
from hf_ssl.training.arguments import TrainingArguments

PATIENCE = timedelta(minutes=10)  # with a silent process; Accelerate's default is 30 minutes


def build_accelerator(arguments: TrainingArguments, read_timeout: float) -> Accelerator:
    """Build the accelerator; the launcher alone sets the number of processes.

    Processes wait ``read_timeout`` seconds longer for one that is reading data, because it reports its own failure.

    Raises:
        UserError: if the tracker is not installed or the batch does not divide evenly.
    """
    tracker = None if arguments.tracker == "none" else arguments.tracker
    if tracker and importlib.util.find_spec(tracker) is None:  # Accelerate would silently track nothing
        raise UserError(f"--tracker {tracker} is not installed; run: pip install {tracker}")
    precision = arguments.mixed_precision
    if precision == "auto":
        precision = "bf16" if has_bfloat16() else "no"
    AcceleratorState._reset_state()  # an earlier run in this process may have used another precision
    accelerator = Accelerator(
        cpu=not torch.accelerator.is_available(),
        mixed_precision=precision,
        log_with=tracker,
        project_dir=str(Path(arguments.output_dir) / "tracking") if tracker else None,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE + timedelta(seconds=read_timeout))],
    )
    shares = accelerator.num_processes * arguments.gradient_accumulation_steps
    if arguments.batch_size % shares:
        raise UserError(
            f"--batch_size {arguments.batch_size} cannot be split evenly over {accelerator.num_processes} processes "
            f"with {arguments.gradient_accumulation_steps} accumulation steps each; use a multiple of {shares}"
        )
    return accelerator
