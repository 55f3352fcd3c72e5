"""What --help says: quickly, completely, each flag once, in plain words."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys

import psutil
import pytest
from conftest import ROOT

from hf_ssl.common.flags import parse_arguments
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.data.arguments import DataArguments
from hf_ssl.demo.arguments import DemoArguments, SpaceArguments
from hf_ssl.hub.arguments import HubArguments
from hf_ssl.modalities.known import reading_flags
from hf_ssl.modalities.text.flags import TextFlags
from hf_ssl.pretext.masked_language import MaskedLanguage
from hf_ssl.pretext.pairing import defaults_of, flag_types, modalities_of, task_class, task_names
from hf_ssl.runs.fine_tuning_arguments import FineTuningArguments
from hf_ssl.training.arguments import TrainingArguments

TYPES = [MaskedLanguage, TextFlags, DataArguments, TrainingArguments]
OTHERS = [HubArguments, ComparisonArguments, FineTuningArguments, DemoArguments, SpaceArguments, reading_flags()]
PAIRS = [(task, modality) for task in task_names() for modality in modalities_of(task_class(task))]
SCRIPTS = [str(path.relative_to(ROOT)) for folder in ("scripts", "spaces") for path in (ROOT / folder).rglob("*.py")]
MOST_CPU_SECONDS = 2.0  # of --help


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
