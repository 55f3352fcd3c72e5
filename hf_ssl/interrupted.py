"""What a run that was not finished has to show: its newest checkpoint as a model, and that nothing was measured."""

import dataclasses
from typing import Any

from hf_ssl.data.stream import skipped_rows
from hf_ssl.errors import UserError
from hf_ssl.evaluation.report import results_of
from hf_ssl.finish import save_model
from hf_ssl.plots import draw_loss
from hf_ssl.pretext.tasks import task_class
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.checkpoint import newest_checkpoint
from hf_ssl.training.pretrain import Progress
from hf_ssl.training.run_folder import RunFolder


def results_so_far(folder: RunFolder) -> dict[str, Any]:
    """Save the model of the newest checkpoint in the run folder; what is known of the run, its results without figures.

    The run itself can go on as if this had not been done.

    Raises:
        UserError: if there is no checkpoint.
    """
    checkpoint = newest_checkpoint(folder.checkpoints)
    if checkpoint is None:
        raise UserError(f"{folder.path} holds no checkpoint yet; go on with the run, with a smaller --save_steps")
    task = _build(task_class(folder.config["task"]), folder.config)
    arguments = _build(TrainingArguments, folder.config)
    prepared = task.load_prepared(folder.processor)
    model = task.model(prepared, arguments.seed)
    model.load_state_dict(checkpoint.tensors("model"), strict=False)  # tied weights are saved once
    save_model(folder, task, task.product(model), prepared)
    data = folder.data() | {"label_column": None} | skipped_rows(checkpoint.state["positions"].values())
    note = f"the run was interrupted after step {checkpoint.state['step']} of {arguments.max_steps}"
    folder.cut_log(checkpoint.state["step"])  # as going on does
    record = results_of(task, arguments, data, task.product(model), Progress(**checkpoint.state), folder.record())
    return record | {
        "heldout": None,
        "heldout_note": note,
        "features": None,
        "features_note": note,
        "plots": draw_loss(folder, task.baseline, None),
    }


def _build(kind: Any, config: dict[str, Any]) -> Any:
    return kind(**{field.name: config[field.name] for field in dataclasses.fields(kind) if field.name in config})
