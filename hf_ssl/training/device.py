"""The accelerator: device, processes, precision, tracker."""

import importlib.util
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs

from hf_ssl.errors import UserError
from hf_ssl.training.arguments import TrainingArguments

PATIENCE = timedelta(minutes=10)  # with a silent process; half an hour is Accelerate's default


def build_accelerator(arguments: TrainingArguments, read_timeout: float) -> Accelerator:
    """Make Accelerate's accelerator; nothing but the launcher decides how many processes there are.

    Processes wait for one that reads ``read_timeout`` seconds longer than for a silent one: it will tell them that it failed.

    Raises:
        UserError: if the tracker is not installed or the batch cannot be shared out.
    """
    tracker = None if arguments.tracker == "none" else arguments.tracker
    if tracker and importlib.util.find_spec(tracker) is None:  # Accelerate would say nothing and track nothing
        raise UserError(f"--tracker {tracker} is not installed; run: pip install {tracker}")
    precision = arguments.mixed_precision
    if precision == "auto":
        precision = "bf16" if has_bfloat16() else "no"
    AcceleratorState._reset_state()  # a run before this one in the same process may have had another precision
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
            f"--batch_size {arguments.batch_size} cannot be shared out evenly to {accelerator.num_processes} processes "
            f"with {arguments.gradient_accumulation_steps} accumulation steps each; use a multiple of {shares}"
        )
    return accelerator


def has_bfloat16() -> bool:
    """Whether the device multiplies in bfloat16 itself; an emulation is slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
