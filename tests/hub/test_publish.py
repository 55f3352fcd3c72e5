"""What is published: one commit with everything, nothing private, nothing of others touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, pretrain
from hub_fixtures import REPO

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import COMPARISON, FINE_TUNING, RunFolder
from hf_ssl.hub.publish import without_private_paths
from hf_ssl.runs.card import BEGIN, notes_of
from hf_ssl.runs.results import RunResults


def test_a_complete_state_in_one_commit(send, remote, results):
    published = send()
    assert published.changed
    assert remote.commits()[0] == published.commit
    assert len(remote.commits()) == 2
    expected = {"README.md", "results.json", "plots/loss.png", "model.safetensors", "config.json", "tokenizer.json"}
    assert expected <= set(remote.files())
    assert f'pipeline("fill-mask", model="{REPO}")' in remote.text("README.md")
    shared = json.loads(remote.text("results.json"))
    assert shared["run"] == results.run
    assert RunResults.of(shared).as_json() == shared
    assert shared["files"] == sorted(set(remote.files()) - {".gitattributes", "results.json"})
    again = send()
    assert not again.changed
    assert again.commit == published.commit
    assert len(remote.commits()) == 2


def test_no_path_of_ones_own_disk_is_published(remote, send, folder, results):
    send()
    folders = {str(folder.path.parent).encode(), str(Path(results.data.name).parent).encode(), str(ROOT).encode()}
    assert any(part in results.text().encode() for part in folders)
    for name in remote.files():
        assert not [part for part in folders if part in remote.content(name)], name
    assert "--dataset_name lines.txt" in remote.text("README.md")
    assert "python scripts/" in remote.text("README.md") or "python " in remote.text("README.md")


def test_rows_and_base_of_a_classifier_are_shared_by_name(results):
    data = replace(
        results.data, rows={"name": "/home/me/rows", "bank": 5}, files={"named": [{"path": "/home/me/rows/a"}]}
    )
    shared = without_private_paths(replace(results, data=data, model=replace(results.model, base="/home/me/runs/mine")))
    assert (shared.data.rows, shared.data.files, shared.model.base) == ({"name": "rows", "bank": 5}, {}, "mine")
    assert "/home" not in shared.text()


@pytest.mark.parametrize(
    ("kind", "match"), [(FINE_TUNING, "is not finished; run its"), (COMPARISON, "a comparison; you")]
)
def test_what_cannot_be_published(kind, match, tmp_path):
    with RunFolder(tmp_path / "run", {}, kind):
        pass
    with pytest.raises(UserError, match=match):
        pretrain(tmp_path / "run", script="publish.py")


def test_what_is_no_more_is_removed_and_nothing_else(api, remote, send, folder):
    others = ["notes.txt", "plots/mine.png", "lora/adapter_model.safetensors", "tokenizer_notes.md"]
    shutil.copy(folder.plots / "loss.png", folder.plots / "old.png")
    (folder.model / "extra.json").write_text("{}")
    send()
    for name in others:
        api.upload_file(path_or_fileobj=b"of mine", path_in_repo=name, repo_id=REPO)
    (folder.model / "extra.json").unlink()
    send()
    assert "extra.json" not in remote.files()
    assert set(others) < set(remote.files())
    send(replace=True)
    assert not set(others) & set(remote.files())
    assert ".gitattributes" in remote.files()


def test_a_card_that_a_person_wrote_is_kept_whole(api, remote, send):
    mine = "---\nlicense: mit\n---\n# Mine\n\nBy hand.\n"
    api.upload_file(path_or_fileobj=mine.encode(), path_in_repo="README.md", repo_id=REPO)
    send()
    assert notes_of(remote.text("README.md")) == "# Mine\n\nBy hand."
    assert not send().changed


def test_a_card_that_lost_a_marked_line_is_not_overwritten(api, remote, send):
    send()
    broken = remote.text("README.md").replace(BEGIN, "Written by hand.")
    api.upload_file(path_or_fileobj=broken.encode(), path_in_repo="README.md", repo_id=REPO)
    with pytest.raises(UserError, match="has lost one of the lines"):
        send()
    assert "Written by hand." in remote.text("README.md")


def test_a_card_alone_speaks_of_what_lies_beside_it(remote, send, results):
    send()
    further = replace(results, cost=replace(results.cost, steps=999))
    assert not send(results=further, card_only=True).changed
    assert send(results=further).changed
    assert "999 steps" in remote.text("README.md")


def test_the_card_alone_and_what_a_person_wrote(send, api, remote):
    send()
    before = remote.files()
    changed = remote.text("README.md").replace(BEGIN, f"{BEGIN}\nWritten by hand.").replace("## Limits", "## Spoilt")
    api.upload_file(path_or_fileobj=changed.encode(), path_in_repo="README.md", repo_id=REPO)
    assert send(card_only=True).changed
    assert "Written by hand." in remote.text("README.md")
    assert "## Limits" in remote.text("README.md")
    assert {n: o for n, o in before.items() if n != "README.md"} == {
        n: o for n, o in remote.files().items() if n != "README.md"
    }
    assert not send().changed  # the whole run keeps it too


def test_no_card_alone_of_another_run(send, remote, results):
    send()
    commits = remote.commits()
    with pytest.raises(UserError, match="another run published"):
        send(results=replace(results, run="ours"), card_only=True)
    with pytest.raises(UserError, match="holds another run than"):
        send(results=replace(results, run="ours"), card_only=True, replace=True)
    assert remote.commits() == commits


@pytest.mark.parametrize("theirs", [{"format": 1}, {"cost": {"steps": 5}}, {"data": []}])
def test_no_card_alone_where_results_cannot_be_read(theirs, api, send, remote):
    send()
    changed = json.loads(remote.text("results.json")) | theirs
    api.upload_file(path_or_fileobj=json.dumps(changed).encode(), path_in_repo="results.json", repo_id=REPO)
    with pytest.raises(UserError, match="no published run whose card"):
        send(card_only=True)
    assert send().changed  # the whole run mends it


def test_no_card_alone_where_nothing_was_published(send, remote):
    with pytest.raises(UserError, match="no published run whose card"):
        send(card_only=True)
    assert len(remote.commits()) == 1
