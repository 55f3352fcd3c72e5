"""A task on a modality: defaults, what does not go together, and what a run recorded of it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from conftest import BLOCKS, pretrain, write_images

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.known import MODALITIES
from hf_ssl.pretext.pairing import (
    defaults_of,
    flag_types,
    modalities_of,
    pair,
    pair_recorded,
    task_class,
    task_names,
)

PAIRS = [(task, modality) for task in task_names() for modality in modalities_of(task_class(task))]
# Other values of flags, of each kind, that go with all tasks and modalities.
OTHER = {
    "contrastive": {"temperature": 0.5, "all_views": True, "smallest_crop": 0.11},
    "masked_language": {"mask_probability": 0.2},
    "masked_codes": {"codes": 10},
    "masked_image": {"objective": "simmim"},
    "autoencoder": {"variational": True},
}


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_what_was_recorded_is_put_together_again(task, modality):
    for settings in ({}, OTHER.get(task, {}), {"dropout": 0.25}):
        pairing = pair(task, modality, **settings)
        record = json.loads(json.dumps(pairing.settings()))
        assert (record["task"], record["modality"]) == (task, modality)
        again = pair_recorded(record | {"batch_size": 8, "dataset_name": "of the same file"})
        assert again == pairing
        assert all(record[name] == value for name, value in settings.items())
    columns = pairing.modality.for_columns(BLOCKS[modality](3).table, "made up")
    settled = dataclasses.replace(pairing, modality=columns)
    assert pair_recorded(settled.settings()) == settled


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_every_flag_of_the_dataclasses_is_recorded_and_no_other(task, modality):
    fields = {each.name for kind in flag_types(task, modality) for each in dataclasses.fields(kind)}
    assert set(pair(task, modality).settings()) == {"task", "modality"} | fields
    for kind in flag_types(task, modality):
        for each in dataclasses.fields(kind):
            assert each.metadata["help"].rstrip(")").endswith("."), each.name


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_defaults_are_heeded_and_overruled(task, modality):
    known = {each.name for kind in flag_types(task, modality) for each in dataclasses.fields(kind)}
    defaults = {name: value for name, value in defaults_of(task, modality).items() if name in known}
    settings = pair(task, modality).settings()
    assert {name: settings[name] for name in defaults} == defaults
    assert pair(task, modality, model_size="small").modality.model_size == "small"
    assert set(pair(task, modality).learning_rates) == {"muon", "adamw"}


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_unknown_settings_are_refused_in_a_sentence(task, modality):
    with pytest.raises(UserError, match=f"^{task} on {modality} has no setting colour, size_of$"):
        pair(task, modality, size_of=3, colour="red", dropout=0.1)
    if not task_class(task).needs_views:  # flags of views are those of tasks that compare views
        with pytest.raises(UserError, match="has no setting smallest_crop"):
            pair(task, modality, smallest_crop=0.5)


@pytest.mark.parametrize("task", task_names())
def test_what_does_not_go_together_is_refused(task):
    for modality in set(MODALITIES) - set(modalities_of(task_class(task))):
        with pytest.raises(UserError, match=f"--task {task} is not for {modality} but for "):
            pair(task, modality)
    with pytest.raises(UserError, match="--task .* is not for smells but for|there is no modality 'smells'"):
        pair(task, "smells")


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_what_a_task_requires_is_enforced(task, modality):
    other = {"architecture": ("convolution", "vit"), "text_encoder": ("static", "transformer")}
    for name, value in task_class(task).requires.items():
        wrong = next(each for each in other[name] if each != value)
        with pytest.raises(UserError, match=f"{task} needs --{name} {value}, not {wrong}"):
            pair(task, modality, **{name: wrong})
        recorded = pair(task, modality).settings() | {name: wrong}
        with pytest.raises(UserError, match=f"needs --{name} {value}"):
            pair_recorded(recorded)


def test_tasks_have_names_and_classes():
    assert task_class("masked_image").__name__ == "MaskedImage"
    assert [task_class(name).name for name in task_names()] == task_names() == sorted(task_names())
    with pytest.raises(UserError, match="there is no task 'jigsaw'; choose one of autoencoder, "):
        task_class("jigsaw")
    with pytest.raises(UserError, match="there is no task 'parts'"):
        task_class("parts")


def test_a_task_of_older_versions_is_refused_in_a_sentence(parquet, tmp_path):
    with pytest.raises(UserError, match="there is no task 'contrastive_text' any more; give --task contrastive "
                       "--modality text") as caught:  # fmt: skip
        pretrain("--task=contrastive_text", "--dataset_name", parquet, "--output_dir", tmp_path / "run",
                 script="pretrain.py")  # fmt: skip
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ([], "name a task with --task: one of autoencoder, "),
        (["--task=jigsaw"], "there is no task 'jigsaw'; choose one of"),
        (["--task=rotation", "--modality=text"], "--task rotation is not for text but for images"),
        (["--task=contrastive", "--modality=smells"], "--task contrastive is not for smells but for images, text"),
    ],
)
def test_choices_that_cannot_be_are_refused(flags, match, tmp_path):
    with pytest.raises(UserError, match=match):
        pretrain(*flags, "--output_dir", tmp_path / "run", script="pretrain.py")
    assert not (tmp_path / "run").exists()


def test_a_script_of_one_task_runs_no_other(tmp_path):
    with pytest.raises(
        UserError, match="this script runs masked_language; for rotation use scripts/pretrain.py --task"
    ):
        pretrain("--task=rotation", "--output_dir", tmp_path / "run")


def test_the_data_decide_the_modality_and_so_the_flags(parquet, tmp_path, capsys):
    """Text has no pixels, and images have no vocabulary; the modality that was named overrules the data."""
    images = write_images(tmp_path / "pictures", count=20)
    for data, flag, modality in ((parquet, "patch_size", "images"), (images, "sequence_length", "text")):
        flags = ["--task=contrastive", f"--{flag}=16", "--dataset_name", data, "--output_dir", tmp_path / "run"]
        with pytest.raises(SystemExit):
            pretrain(*flags, script="pretrain.py")
        assert f"unknown key '{flag}'" in capsys.readouterr().err
        with pytest.raises(UserError, match=r"has no column of (images|text)"):
            pretrain(*flags, f"--modality={modality}", script="pretrain.py")


def test_flags_that_say_how_rows_are_read_say_the_modality(parquet, tmp_path):
    """Only images have a size: what is asked for must be there."""
    flags = ["--task=contrastive", "--image_size=16", "--dataset_name", parquet, "--output_dir", tmp_path / "run"]
    with pytest.raises(UserError, match="has no column of images"):
        pretrain(*flags, script="pretrain.py")
