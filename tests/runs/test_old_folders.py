"""A folder that an older version wrote is refused in one sentence by every command, and stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from conftest import SMALL, pretrain, run

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import PRETRAINING, RunFolder

SENTENCE = "was made by an older version of hf_ssl and cannot be resumed or read by this one; use that version, or"


def written_by_hand(folder: Path, finished: bool) -> Path:
    """What the last version before run folders had a format left behind; it locked its folders too."""
    config = {"task": "contrastive_text", "text_column": "text", "seed": 0, "max_steps": 12, "output_dir": str(folder)}
    contents = {
        ".lock": "",
        "config.yaml": yaml.safe_dump(config),
        "run.json": json.dumps({"run": "ab" * 16, "command": "python scripts/pretrain.py --task contrastive_text"}),
        "data.json": json.dumps({"name": "embedded:docs", "revision": "0" * 40, "shards": 1, "files": []}),
        "log.jsonl": json.dumps({"step": 1, "loss": 2.0}) + "\n",
        "processor/tokenizer.json": "{}",
        "checkpoints/step_00000004/state.json": json.dumps({"step": 4}),
    }
    if finished:
        contents |= {"model/config.json": "{}", "README.md": "# A card", "results.json": '{"task": "contrastive_text"}'}
    for name, text in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


COMMANDS = {
    "pretrain": ("pretrain.py", [*SMALL, "--task=contrastive", "--modality=text", "--output_dir={old}"]),
    "pretrain_mlm": ("pretrain_mlm.py", [*SMALL, "--output_dir={old}"]),
    "fine_tune": ("fine_tune.py", ["--model_name_or_path={old}", "--output_dir={new}"]),
    "compare_with": ("compare.py", ["--budget=20s", "--run={old}", "--output_dir={new}"]),
    "compare_again": ("compare.py", ["--budget=20s", "--output_dir={old}"]),
    "publish": ("publish.py", ["{old}", "--hub_model_id=user/name"]),
}


def filled_in(name: str, old: Path, parquet: Path) -> tuple[str, list[str]]:
    script, flags = COMMANDS[name]
    data = [] if name == "publish" else ["--dataset_name", str(parquet)]
    return script, [*(flag.format(old=old, new=old.parent / "new") for flag in flags), *data]


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_refused_and_left_alone(name, finished, parquet, tmp_path):
    old = written_by_hand(tmp_path / "old", finished)
    before = state(old)
    script, flags = filled_in(name, old, parquet)
    with pytest.raises(UserError) as caught:
        pretrain(*flags, script=script)
    assert SENTENCE in str(caught.value)
    assert str(old) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert state(old) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrain", "fine_tune", "compare_with", "publish"])
def test_scripts_print_that_sentence_and_no_traceback(name, parquet, cache, tmp_path):
    old = written_by_hand(tmp_path / "old", finished=True)
    before = state(old)
    script, flags = filled_in(name, old, parquet)
    result = run(*flags, script=script, cache=cache)
    assert result.returncode == 1
    told = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(told) == 1, result.stderr
    assert told[0].startswith("error: ")
    assert SENTENCE in told[0]
    assert state(old) == before


def test_without_a_lock_file_none_is_made(parquet, tmp_path):
    """A folder may have been copied without it."""
    old = written_by_hand(tmp_path / "old", finished=True)
    (old / ".lock").unlink()
    before = state(old)
    for name in ("pretrain", "compare_again", "publish"):
        script, flags = filled_in(name, old, parquet)
        with pytest.raises(UserError, match=SENTENCE):
            pretrain(*flags, script=script)
    assert state(old) == before


def test_it_is_the_format_that_is_refused(tmp_path):
    """The negative control: the same folder with a format is read."""
    old = written_by_hand(tmp_path / "old", finished=True)
    with pytest.raises(UserError, match=SENTENCE):
        RunFolder.existing(old)
    record = json.loads((old / "run.json").read_text())
    (old / "run.json").write_text(json.dumps(record | {"format": RunFolder.FORMAT, "kind": PRETRAINING}))
    assert RunFolder.existing(old).config["task"] == "contrastive_text"
    (old / "run.json").write_text(json.dumps(record | {"format": RunFolder.FORMAT + 1, "kind": PRETRAINING}))
    with pytest.raises(UserError, match="cannot be resumed or read by this one"):  # nor one of a newer version
        RunFolder.existing(old)


@pytest.mark.parametrize("kind", ["pretrain.py", "pretrain_mlm.py"])
def test_a_task_that_is_no_more_is_named_with_what_to_give_instead(kind, tmp_path):
    with pytest.raises(UserError, match="no task 'contrastive_text' any more; give --task contrastive --modality text"):
        pretrain("--task=contrastive_text", "--output_dir", tmp_path / "run", script=kind)
    assert not (tmp_path / "run").exists()
