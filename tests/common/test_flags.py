"""Flags out of dataclasses: a YAML file gives defaults, the command line wins; --help is quick, complete and plain."""

from __future__ import annotations

import argparse
import dataclasses

import pytest
import yaml
from conftest import ROOT

from hf_ssl.common.flags import ArgumentParser, parse_arguments, values_given
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.data.arguments import DataArguments
from hf_ssl.demo.arguments import DemoArguments, SpaceArguments
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.modalities.images.flags import ImageFlags, ImageViews
from hf_ssl.modalities.known import reading_flags
from hf_ssl.modalities.text.flags import TextFlags
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.pretext.pairing import PairingChoice, defaults_of, flag_types, modalities_of, task_class, task_names
from hf_ssl.runs.fine_tuning_arguments import FineTuningArguments
from hf_ssl.training.arguments import TrainingArguments

TYPES = [MaskedLanguage, TextFlags, DataArguments, TrainingArguments]
OTHERS = [HubArguments, ComparisonArguments, FineTuningArguments, DemoArguments, SpaceArguments, reading_flags()]
PAIRS = [(task, modality) for task in task_names() for modality in modalities_of(task_class(task))]
SCRIPTS = [str(path.relative_to(ROOT)) for folder in ("scripts", "spaces") for path in (ROOT / folder).rglob("*.py")]
MOST_CPU_SECONDS = 2.0  # of --help


def parse(*arguments):
    return parse_arguments(TYPES, arguments, "a description")


def test_the_command_line_wins_over_the_file_and_the_file_over_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("batch_size: 4\nlearning_rate: 1e-3\nmodel_size: small\neval_split: null\n")
    _, text, data, training = parse("--config", str(path), "--batch_size=32")
    assert (training.batch_size, training.learning_rate, text.model_size, data.eval_split) == (32, 1e-3, "small", None)
    assert training.save_steps == TrainingArguments().save_steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_sizes: 4", "unknown key 'batch_sizes' in {path}; did you mean 'batch_size'?"),
        ("config: other.yaml", "unknown key 'config'"),
        ("batch_size: [1, 2]", "must be a single number or string"),
        ("batch_size: four", "invalid int value: 'four'"),
        ("max_steps: 0", "--max_steps must be at least 1"),
        ("- a\n- b", "must be a flat mapping"),
        ("a: b: c", "is not YAML"),
    ],
)
def test_mistakes_in_the_file(tmp_path, capsys, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(SystemExit) as caught:
        parse("--config", str(path))
    assert caught.value.code == 2
    assert message.format(path=path) in capsys.readouterr().err


def test_a_missing_file(capsys):
    with pytest.raises(SystemExit):
        parse("--config", "nowhere.yaml")
    assert "cannot read the configuration nowhere.yaml: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "scripts" / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_the_configurations_we_ship_are_valid(path):
    words = ["--config", str(path)]
    task = values_given(["task"], words).get("task", "masked_language")
    modality = modalities_of(task_class(task))[0]
    types = [PairingChoice, *flag_types(task, modality), DataArguments, TrainingArguments, HubArguments]
    parsed = parse_arguments(types, words, "a description", defaults_of(task, modality))
    assert parsed[-2].max_steps == yaml.safe_load(path.read_text()).get("max_steps", parsed[-2].max_steps)


def test_values_are_found_without_any_check(tmp_path):
    path = tmp_path / "flags.yaml"
    path.write_text("task: rotation\nunknown: 3\n")
    assert values_given(["task", "modality"], ["--config", str(path), "--nonsense"]) == {"task": "rotation"}
    assert values_given(["task"], ["--task=autoencoder", "--config", str(path)]) == {"task": "autoencoder"}
    path.write_text("a: b: c")
    assert values_given(["task"], ["--config", str(path)]) == {}


def test_old_spellings_still_parse():
    types = [ImageFlags, ImageViews, TrainingArguments]

    def parsed(*words):
        return parse_arguments(types, words, "a description")

    assert parsed("--no_mirror")[1] == parsed("--no-mirror")[1] == parsed("--mirror=false")[1]
    assert parsed("--no_mirror")[1].mirror is False
    assert parsed("--mirror")[1].mirror is parsed()[1].mirror is True
    images, _, training = parsed("--image-size", "16", "--max-steps=7")
    assert (images.image_size, training.max_steps) == (16, 7)
    assert (images, _, training) == parsed("--image_size=16", "--max_steps", "7")


def test_a_word_that_is_no_flag_is_refused_whatever_its_spelling(capsys):
    for word in ("--no_max_steps", "--no_image_size", "--image_siz"):  # controls of the old spellings
        with pytest.raises(SystemExit):
            parse_arguments([ImageFlags, ImageViews, TrainingArguments], [word], "a description")
    assert "did you mean 'image_size'?" in capsys.readouterr().err


def test_a_sentence_for_every_flag():
    kinds = {kind for task, modality in PAIRS for kind in flag_types(task, modality)}
    for kind in [*kinds, PairingChoice, DataArguments, TrainingArguments, *OTHERS]:
        for field in dataclasses.fields(kind):
            text = field.metadata["help"]
            assert text.endswith("."), (kind, field.name)
            assert text[0].isupper() or text.split()[0].strip(":,") in ("auto", "mae", "owner/name", "simmim"), text
            assert "(default" not in text, (kind, field.name)


def test_no_two_flags_of_a_command_have_one_name():
    for task, modality in PAIRS:
        types = [PairingChoice, *flag_types(task, modality), DataArguments, TrainingArguments, HubArguments]
        names = [field.name for kind in types for field in dataclasses.fields(kind)]
        assert len(names) == len(set(names)), (task, modality)
        ArgumentParser(types)
    with pytest.raises(argparse.ArgumentError):  # a control
        ArgumentParser([DataArguments, DataArguments])


def test_lists_come_from_a_file_too(tmp_path):
    path = tmp_path / "flags.yaml"
    path.write_text("task: [contrastive, rotation]\nbudget: 1h\n")
    (parsed,) = parse_arguments([ComparisonArguments], ["--config", str(path)], "a description")
    assert (parsed.task, parsed.budget) == (["contrastive", "rotation"], "1h")
    (parsed,) = parse_arguments(
        [ComparisonArguments], ["--config", str(path), "--task", "autoencoder"], "a description"
    )
    assert parsed.task == ["autoencoder"]
