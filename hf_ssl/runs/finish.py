"""The end of a run: save and measure the model, draw plots, write results and card; or the state of an interrupted run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from hf_ssl.common.errors import UserError
from hf_ssl.common.progress import progress_bar
from hf_ssl.common.run_folder import FIRST_PHASE, RunFolder
from hf_ssl.common.writing import replace_folder
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.sources import Source
from hf_ssl.data.stream import skipped_rows
from hf_ssl.evaluation.cells import Cells, Computed, shared_folder
from hf_ssl.evaluation.heldout import HeldOut
from hf_ssl.evaluation.measure import Effort, Measured, baseline_candidates, measure, network_candidates
from hf_ssl.evaluation.measured_rows import MeasuredRows, measured_rows
from hf_ssl.evaluation.online import OnlineProbe
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.baseline import Baseline
from hf_ssl.modalities.prepared import Prepared
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.pairing import pair_recorded
from hf_ssl.pretext.parts.embedder import kept
from hf_ssl.runs.card import write_card
from hf_ssl.runs.first_phase import TASK as FIRST_TASK
from hf_ssl.runs.plots import draw_features, draw_loss, draw_pictures
from hf_ssl.runs.results import Cost, DataRecord, ModelRecord, RunResults, versions, write_results
from hf_ssl.runs.run_plan import RunPlan
from hf_ssl.runs.table import FIGURES, INTERVALS, table_of
from hf_ssl.training.checkpoint import Progress, newest_checkpoint

SHOWN = 10  # pictures in a row


@dataclass(frozen=True)
class Material:
    """What a run is trained and measured on.

    Attributes:
        task: pretext task.
        prepared: the modality, with what was learned from the first rows.
        source: the opened data set.
        data: flags of the data set.
        label_column: column of the labels to measure against, if any.
        held_out: fixed inputs; None if no held-out rows are usable, and in all but the main process.
        probe: measures features during training, for modalities that ask for it.
        autocast: context for mixed precision.
    """

    task: PretextTask
    prepared: Prepared
    source: Source
    data: DataArguments
    label_column: str | None
    held_out: HeldOut | None
    probe: OnlineProbe | None
    autocast: Callable[[], Any]


def finish(material: Material, model: Any, progress: Progress, folder: RunFolder, plan: RunPlan | None) -> None:
    """Save, measure, draw, write the card and last the results, which mark the run as finished.

    Args:
        material: what the run was trained on.
        model: the trained model.
        progress: of the training.
        folder: of the run.
        plan: what its budget bought, if it has one.
    """
    task = material.task
    product = kept(model)
    save_model(folder, task, product, material.prepared)
    heldout = material.held_out.score(model, material.autocast) if material.held_out else None
    features, note = _features(material, model, folder, plan)
    plots = draw_loss(folder, task.baseline, heldout) | draw_features(folder) | _draw_pictures(material, model, folder)
    results = replace(
        describe(material.task, material.prepared, product, progress, folder),
        heldout=heldout,
        heldout_note="fixed rows" if heldout else "no held-out rows are usable",
        features=features,
        features_note=note,
        plots=plots,
    )
    results = replace(results, data=replace(results.data, label_column=material.label_column))
    write_card(folder, results)
    write_results(folder, results)
    print(table_of(results))
    print(f"model, card and results are in {folder.path}")


def save_model(folder: RunFolder, task: PretextTask, product: Any, prepared: Prepared) -> None:
    """Write the model and its processor, both or neither."""
    with replace_folder(folder.model) as temporary:
        product.save_pretrained(temporary)
        prepared.processor.save_pretrained(temporary)
        if task.pipeline is None:  # a bare encoder
            prepared.modality.write_beside(product, temporary)


def describe(task: PretextTask, prepared: Prepared, product: Any, progress: Progress, folder: RunFolder) -> RunResults:
    """Return the results of a run without the figures of its evaluation."""
    last = newest_checkpoint(folder.checkpoints)
    skipped = skipped_rows(last.state["positions"].values() if last else [])
    record, modality = folder.record(), prepared.modality
    pipeline = (
        (task.pipeline, "transformers") if task.pipeline else (modality.feature_pipeline, modality.feature_library)
    )
    cost, phases = Cost.until(progress), []
    first = newest_checkpoint(folder.path / FIRST_PHASE / "checkpoints")
    if first is not None:
        before = Cost.until(Progress(**first.state))
        phases = [{"task": FIRST_TASK} | before.as_json(), {"task": task.name} | cost.as_json()]
        seconds = cost.cpu_seconds + before.cpu_seconds, cost.wall_seconds + before.wall_seconds
        cost = replace(cost, cpu_seconds=seconds[0], wall_seconds=seconds[1])
    return RunResults(
        run=record["run"],
        command=record["command"],
        kind=folder.kind,
        task=task.name,
        modality=modality.name,
        seed=folder.config["seed"],
        cost=cost,
        data=DataRecord(**{k: v for k, v in folder.data().items() if k != "checksums"} | skipped),
        model=model_record(product, task, modality, pipeline),
        baseline=task.baseline,
        versions=versions(),
        phases=phases,
        plan=asdict(RunPlan.load(folder.plan)) if folder.plan.exists() else None,
    )


def figures_of(measured: Measured) -> dict[str, Any]:
    """Return the figures of one set of features for results.json and the card, with its choices."""
    neighbours, clusters = (measured.figures.get(name, {}) for name in ("neighbours_of", "clusters_of"))
    choice = {
        "features": neighbours.get("features", clusters["features"]),
        "whitening": neighbours.get("whitening", clusters["whitening"]),
        "clustered": clusters["features"],
        "whitening_for_clusters": clusters["whitening"],
    }
    return {key: measured.figures[key] for key in FIGURES if key in measured.figures} | {"choice": choice}


def _features(
    material: Material, model: Any, folder: RunFolder, plan: RunPlan | None
) -> tuple[dict[str, Any] | None, str]:
    """Return the figures of pretrained and untrained features and of the baselines, or why there are none."""
    if not material.label_column:
        return None, "no label column was used"
    modality, seed = material.prepared.modality, folder.config["seed"]
    most = plan.rows(modality.measured_rows) if plan else modality.measured_rows
    rows = measured_rows(material.source, material.data, modality, material.label_column, most)
    if not rows.names:
        return None, " ".join(rows.notes)
    untrained = material.task.model(material.prepared.like(folder.model), seed).to(model.base_model.device)
    found = {}
    for name, network in {"pretrained": model, "untrained": untrained}.items():
        found[name] = figures_of(_measured_network(name, network, material, rows, seed))
    cells = Cells(
        shared_folder(folder.path / "measured"), rows.record() | {"seed": seed}
    )  # other runs on the same rows have the same baselines
    for baseline in progress_bar("baselines", modality.baselines(seed), unit="baseline"):
        found[baseline.name] = _measured_baseline(baseline, rows, cells, seed)
    return found, " ".join([INTERVALS + ".", *rows.notes])


def _measured_baseline(baseline: Baseline, rows: MeasuredRows, cells: Cells, seed: int) -> dict[str, Any]:
    def compute() -> Computed:
        return figures_of(measure(baseline_candidates(baseline, rows), rows, Effort(), seed)), {}

    return cells(baseline.name, {"effort": vars(Effort())}, compute).figures


def _measured_network(name: str, network: Any, material: Material, rows: MeasuredRows, seed: int) -> Measured:
    prepared = material.prepared
    total = len(rows.bank.inputs) + len(rows.test.inputs)
    with progress_bar(f"features, {name}", total=total, unit="row") as bar:
        candidates = network_candidates(
            lambda inputs: prepared.modality.embed(network, prepared, inputs, material.autocast, bar.update), rows
        )
    print(f"reading out {name} features", flush=True)
    return measure(candidates, rows, Effort(), seed)


def _draw_pictures(material: Material, model: Any, folder: RunFolder) -> dict[str, str]:
    """Draw held-out rows, if the task has pictures to show."""
    if material.probe is None:
        return {}
    pictures = material.probe.pictures(model, SHOWN)
    return draw_pictures(folder, pictures) if pictures else {}


def results_so_far(folder: RunFolder) -> RunResults:
    """Save the model of the newest checkpoint in the run folder; return the results so far, without figures.

    The run can still be resumed as before.

    Raises:
        UserError: if there is no checkpoint.
    """
    checkpoint = newest_checkpoint(folder.checkpoints)
    if checkpoint is None:
        raise UserError(f"{folder.path} holds no checkpoint yet; resume the run, with a smaller --save_steps")
    pairing = pair_recorded(folder.config)
    prepared = pairing.modality.load_prepared(folder.processor)
    model = pairing.task.model(prepared, folder.config["seed"])
    model.load_state_dict(checkpoint.tensors("model"), strict=False)  # tied weights are saved once
    save_model(folder, pairing.task, kept(model), prepared)
    step = checkpoint.state["step"]
    folder.cut_log(step)  # as resuming does
    planned = RunPlan.load(folder.plan).max_steps if folder.plan.exists() else folder.config["max_steps"]
    note = f"the run was interrupted after step {step} of {planned}"
    results = describe(pairing.task, prepared, kept(model), Progress(**checkpoint.state), folder)
    plots = draw_loss(folder, pairing.task.baseline, None)
    return replace(results, heldout_note=note, features_note=note, plots=plots)


def model_record(
    model: PreTrainedModel, task: PretextTask, modality: Modality, pipeline: tuple[str, str]
) -> ModelRecord:
    """Return the record of a saved model.

    Args:
        model: the saved model.
        task: task that it was trained on.
        modality: modality of its inputs.
        pipeline: pipeline that it serves, and library that loads it.
    """
    base = modality.model_name_or_path
    return ModelRecord(
        name=type(model).__name__,
        module=type(model).__module__,
        parameters=int(model.num_parameters()),
        dropout=modality.dropout,
        base=base,
        base_on_hub=bool(base and not Path(base).exists()),
        base_revision=getattr(model.config, "_commit_hash", None) if base else None,
        tag=task.tag,
        pipeline=pipeline[0],
        library=pipeline[1],
    )
