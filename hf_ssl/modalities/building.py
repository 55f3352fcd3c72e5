"""Shared settings for building models: precision, attention, dropout and readable errors."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import torch
from transformers import AutoModel, AutoModelForTextEncoding, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
from transformers.utils import logging

from hf_ssl.common.errors import UserError, in_one_line


def options() -> dict[str, Any]:
    """Return model options: float32 weights, regardless of the configuration, and explicit softmax(QK')V on the CPU."""
    # On the CPU, its bf16 backward pass is faster than that of the fused kernel. Elsewhere transformers chooses.
    attention = {} if torch.accelerator.is_available() else {"attn_implementation": "eager"}
    return {"dtype": torch.float32, **attention}


def encoder_class(config: PretrainedConfig) -> Any:
    """Return the class that loads an encoder: AutoModel, or the encoding half of models such as T5."""
    half = MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.get(config.model_type, "").endswith("EncoderModel")
    return AutoModelForTextEncoding if half else AutoModel


def set_dropout(config: PretrainedConfig, dropout: float) -> None:
    """Set every dropout of a configuration."""
    for name, value in config.to_dict().items():
        if "dropout" in name and isinstance(value, int | float) and not isinstance(value, bool):
            setattr(config, name, dropout)


def report_missing(name: str, information: dict[str, Any]) -> None:
    """Print which weights are missing from a checkpoint."""
    if information["missing_keys"]:
        print(f"weights missing from '{name}', newly initialised: {', '.join(sorted(information['missing_keys']))}")


def set_labels(config: PretrainedConfig, names: list[str]) -> PretrainedConfig:
    """Name the labels of a classifier in its configuration."""
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.problem_type = "single_label_classification"
    return config


PICKLED = "pytorch_model.bin"
CONVERSION = (
    "where it holds only pytorch_model.bin: pickled weights are never loaded, as they can run code; in the folder of the "
    "checkpoint (hf download gets it), this "
    'command converts them safely: python -c "import torch, safetensors.torch as s; '
    "w = torch.load('pytorch_model.bin', weights_only=True, map_location='cpu'); s.save_file({k: v.contiguous().clone() for k, v in w.items()}, "
    "'model.safetensors', {'format': 'pt'})\""
)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make new weights within this context depend only on the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def making(kind: str, name: str) -> Iterator[None]:
    """Convert errors while building or loading a model into a `UserError`."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # what the many kinds of models raise shares no base class
        advice = f"; {CONVERSION}" if PICKLED in str(error) or "safetensors" in str(error) else ""
        what = in_one_line(error).split(". Model type should be one of")[0]  # over a hundred
        raise UserError(f"cannot make the {kind} '{name}': {what}{advice}") from error


def try_out(model: Any, name: str, **inputs: Any) -> Any:
    """Run a named model forward and backward, as training will, so that what it lacks is said before; return its output.

    Weights, statistics and the random state stay as they were; the output is that without dropout.

    Raises:
        UserError: if it fails.
    """
    training = model.training
    buffers = {key: value.clone() for key, value in model.named_buffers()}
    try:
        with quiet(), torch.random.fork_rng():
            model.train()
            found = model(**inputs)
            values = [value for value in found.values() if isinstance(value, torch.Tensor) and value.requires_grad]
            torch.stack([value.float().mean() for value in values]).sum().backward()
            model.eval()
            with torch.no_grad():
                return model(**inputs)
    except Exception as error:  # see `making`
        raise UserError(
            f"{type(model).__name__} of '{name}' cannot be trained here: given {' and '.join(inputs)} alone, it fails "
            f"({in_one_line(error)}); choose another model"
        ) from error
    finally:
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for key, value in model.named_buffers():
                if key in buffers and value.shape == buffers[key].shape:
                    value.copy_(buffers[key])
        model.train(training)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and reports of transformers within this context."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def untrained_like(model: Any, seed: int) -> Any:
    """Return a model of the same architecture with new weights."""
    with seeded(seed):
        # The configuration may be changed to hide parts of an input, so each model needs its own copy.
        untrained = type(model)._from_config(copy.deepcopy(model.config), **options())
    return untrained.eval().to(model.device)


def load_whole(run: Any, heads: dict[str, Any]) -> tuple[Any, Any] | None:
    """Load the model of a run with its head, if the head is of a given kind.

    Args:
        run: `hf_ssl.runs.pretrained.Pretrained`.
        heads: suffix of the architecture name -> the class that loads it.

    Returns:
        The class and the model; None if the model has no such head.
    """
    architecture = str((run.encoder.config.architectures or [""])[0])
    head = next((stock for ending, stock in heads.items() if architecture.endswith(ending)), None)
    if head is None:
        return None
    with making("model", run.name), quiet():
        model = head.from_pretrained(run.model_folder, use_safetensors=True, trust_remote_code=False, **options())
    return head, model.to(run.encoder.device)
