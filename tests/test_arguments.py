"""Flags out of dataclasses: a YAML file gives defaults, the command line wins."""

import subprocess
import sys
import time

import pytest
import yaml
from conftest import ROOT, command

from hf_ssl.arguments import parse_arguments, value_given
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.data.sources import DataArguments
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.pretext.tasks import TaskChoice, task_class
from hf_ssl.training.arguments import TrainingArguments

TYPES = [MaskedLanguage, DataArguments, TrainingArguments]


def parse(*arguments):
    return parse_arguments(TYPES, arguments, "a description")


def test_the_command_line_wins_over_the_file_and_the_file_over_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("batch_size: 4\nlearning_rate: 1e-3\nmodel_size: small\neval_split: null\n")
    task, data, training = parse("--config", str(path), "--batch_size=32")
    assert (training.batch_size, training.learning_rate, task.model_size, data.eval_split) == (32, 1e-3, "small", None)
    assert training.save_steps == TrainingArguments().save_steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_sizes: 4", "unknown key 'batch_sizes' in {path}; did you mean 'batch_size'?"),
        ("config: other.yaml", "unknown key 'config'"),
        ("batch_size: [1, 2]", "must be a single number or word"),
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
    kind = task_class(value_given("task", ["--config", str(path)]) or "masked_language")
    types = [TaskChoice, kind, DataArguments, TrainingArguments, HubArguments]
    parsed = parse_arguments(types, ["--config", str(path)], "a description", kind.training_defaults)
    assert parsed[3].max_steps == yaml.safe_load(path.read_text()).get("max_steps", parsed[3].max_steps)


@pytest.mark.parametrize("script", [path.name for path in (ROOT / "scripts").glob("*.py")])
def test_help_is_quick_and_complete(script):
    begun = time.perf_counter()
    result = subprocess.run(command("--help", script=script), capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begun
    assert "--config" in result.stdout
    assert ("--output_dir" in result.stdout) == script.startswith(("pretrain", "compare", "fine_tune"))
    assert seconds < 2 * 2  # 2 s on a free machine; tests share theirs


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


def test_a_sentence_for_every_dataclass_field():
    import dataclasses

    for kind in TYPES:
        for field in dataclasses.fields(kind):
            assert field.metadata["help"].endswith("."), field.name


def test_lists_come_from_a_file_too(tmp_path):
    path = tmp_path / "flags.yaml"
    path.write_text("task: [contrastive, rotation]\nbudget: 1h\n")
    (parsed,) = parse_arguments([ComparisonArguments], ["--config", str(path)], "a description")
    assert (parsed.task, parsed.budget) == (["contrastive", "rotation"], "1h")
    (parsed,) = parse_arguments(
        [ComparisonArguments], ["--config", str(path), "--task", "autoencoder"], "a description"
    )
    assert parsed.task == ["autoencoder"]
