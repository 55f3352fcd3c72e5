"""What all models are made with: precision, attention, dropout, errors as sentences."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import PretrainedConfig
from transformers.utils import logging

from hf_ssl.errors import UserError, in_one_line


def options() -> dict[str, Any]:
    """Float32 weights, whatever the configuration says, and explicit softmax(QK')V on the CPU."""
    # Its backward pass in bf16 is faster there than that of the fused kernel. Elsewhere transformers takes what it has.
    attention = {} if torch.accelerator.is_available() else {"attn_implementation": "eager"}
    return {"dtype": torch.float32, **attention}


def set_dropout(config: PretrainedConfig, dropout: float) -> None:
    """Set every dropout of a configuration."""
    for name, value in config.to_dict().items():
        if "dropout" in name and isinstance(value, int | float) and not isinstance(value, bool):
            setattr(config, name, dropout)


def report_missing(name: str, information: dict[str, Any]) -> None:
    """Say which weights a checkpoint lacks."""
    if information["missing_keys"]:
        print(f"new weights, which '{name}' lacks: {', '.join(sorted(information['missing_keys']))}")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """New weights within this context depend on the seed only."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def making(kind: str, name: str) -> Iterator[None]:
    """Turn what goes wrong while a model is made or loaded into a sentence."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, AttributeError, SafetensorError) as error:
        raise UserError(f"cannot make a {kind} of '{name}': {in_one_line(error)}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' bars and reports, where nothing they say is news."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
