"""Flags out of dataclasses: a YAML file gives defaults, the command line wins; --help is quick, complete and plain."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import os
import re
import subprocess
import sys

import psutil
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


@functools.cache
def help_of(script: str, *flags: str) -> tuple[str, float]:
    """What a script prints, and the CPU seconds that it took."""
    with subprocess.Popen(
        [sys.executable, str(ROOT / script), *flags, "--help"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "80"},
    ) as process:
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return text, used.ru_utime + used.ru_stime


@pytest.mark.parametrize("script", ["scripts/compare.py", "scripts/fine_tune.py", "scripts/deploy_space.py"])
def test_something_is_said_within_two_seconds(script, tmp_path):
    """Of the process's own time: however busy the machine is, the first line comes before anything heavy."""
    flags = ["--space=user/name"] if "deploy" in script else []
    words = [sys.executable, str(ROOT / script), *flags]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        first = process.stdout.readline()
        used = psutil.Process(process.pid).cpu_times()
        process.kill()
    assert first == "loading libraries ...\n"
    assert used.user + used.system < MOST_CPU_SECONDS


def options_in(text: str) -> list[tuple[str, str]]:
    """The flags that a help shows, each with its whole entry."""
    entries = [entry.split("\n\n")[0] for entry in re.split(r"\n(?=  -)", text.split("\noptions:", 1)[1])]
    shown = [(re.search(r"--([\w-]+)", entry).group(1), " ".join(entry.split())) for entry in entries if "--" in entry]
    return [option for option in shown if option[0] != "help"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_quick_and_complete(script):
    text, seconds = help_of(script)
    assert "--config" in text
    assert ("--output_dir" in text) == script.startswith(("scripts/pretrain", "scripts/compare", "scripts/fine_tune"))
    assert seconds < MOST_CPU_SECONDS


def test_a_slow_help_would_be_noticed(tmp_path):
    """The negative control of the CPU seconds."""
    (tmp_path / "slow.py").write_text("import time\nwhile time.process_time() < 2.2: pass\n")
    assert help_of(str(tmp_path / "slow.py"))[1] > MOST_CPU_SECONDS


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_keeps_the_lines_of_the_docstring(script):
    docstring = ast.get_docstring(ast.parse((ROOT / script).read_text()), clean=False)
    shown = help_of(script)[0]
    before, _, after = shown.partition(f"\n\n{docstring.rstrip()}\n\n")
    assert before.startswith("usage: ")
    assert after.startswith(("options:", "positional arguments:"))
    assert [line for line in docstring.splitlines() if line.startswith("    ") and "python " in line]


@pytest.mark.parametrize(
    ("script", "flags"),
    [
        *((script, ()) for script in SCRIPTS),
        *(("scripts/pretrain.py", ("--task", task, "--modality", modality)) for task, modality in PAIRS),
    ],
)
def test_help_shows_each_flag_once_with_its_default_in_words(script, flags):
    text, _ = help_of(script, *flags)
    options = options_in(text)
    names = [name for name, _ in options]
    assert len(names) == len(set(names)) > 3
    assert not [name for name in names if "-" in name or name.startswith("no_")]
    for name, entry in options:
        assert not re.match(r"--\S+, ", entry), entry  # one spelling
        assert entry.count("(default: ") == (name != "config"), entry
        assert not re.search(r"None|True|False|MISSING|\[\]|==SUPPRESS==|default_factory", entry), entry
        assert entry.endswith("."), entry


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_what_help_calls_the_default_is_the_default(task, modality):
    types, defaults = [*flag_types(task, modality), TrainingArguments], defaults_of(task, modality)
    parsed = parse_arguments(types, [], "a description", defaults)
    values = {name: value for part in parsed for name, value in vars(part).items()}
    options = dict(options_in(help_of("scripts/pretrain.py", "--task", task, "--modality", modality)[0]))
    for name, value in values.items():
        said = re.search(r"\(default: (.*)\)\.$", options[name]).group(1)
        if isinstance(value, bool):
            assert said == str(value).lower()
        elif value is not None:
            assert said == str(value)


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


@pytest.mark.parametrize("flags", [[], ["--task=contrastive"], ["--task=masked_image"], ["--task=masked_language"]])
def test_help_imports_nothing_heavy(flags):
    code = (
        f"import runpy, sys\nsys.argv = ['pretrain.py', '--help', *{flags!r}]\n"
        f"try: runpy.run_path({str(ROOT / 'scripts' / 'pretrain.py')!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'datasets', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


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
