"""A deployed Space: one commit with everything, nothing private; refusals are one sentence and leave nothing."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from demo_fixtures import write_comparison
from hub_fixtures import REPO
from huggingface_hub import HfApi

from hf_ssl.common.errors import UserError
from hf_ssl.demo.arguments import DemoArguments, SpaceArguments
from hf_ssl.demo.deploy import deploy

SPACE = "alice/shown"
SENTENCES = "embedded:sentences"


@pytest.fixture
def published(send):
    """A model that was published from a run."""
    return send()


@pytest.fixture
def bring(api, published):
    """Deploy it, on six sentences."""

    def bring_it(space=SPACE, model=REPO, dataset=SENTENCES, api=api, seconds=60.0, comparison=(), run=(), **options):
        what = DemoArguments(
            model=[model] if model else [], dataset=[dataset] if dataset else [], run=[str(folder) for folder in run]
        )
        where = SpaceArguments(space, [str(folder) for folder in comparison], **options)
        return deploy(where, what, api, seconds)

    return bring_it


def spaces(hub) -> dict[str, list[str]]:
    """Spaces and their files."""
    found = {repo.id: repo for repo in hub.store.repos("spaces")}
    return {name: sorted(hub.store.find(repo, "main").files) for name, repo in found.items()}


def text_of(hub, name: str) -> str:
    commit = hub.store.find(hub.store.repo("spaces", SPACE), "main")
    return hub.store.content(commit.files[name]).decode()


def header(hub) -> dict:
    return yaml.safe_load(text_of(hub, "README.md").split("---\n")[1])


def test_everything_in_one_commit_and_none_again(bring, hub, api, published):
    deployed = bring()
    assert deployed.changed
    assert deployed.url == f"{hub.url}/spaces/{SPACE}"
    assert [commit.title for commit in api.list_repo_commits(SPACE, repo_type="space")] == ["Deploy", "initial commit"]
    assert hub.store.repo("spaces", SPACE).sdk == "gradio"
    files = spaces(hub)[SPACE]
    expected = {"app.py", "requirements.txt", "page/base.css", "page/ask.js", "hf_ssl/__init__.py", "index/demo.json"}
    assert expected | {"hf_ssl/demo/demo.py", "index/text/rows.parquet", "index/text/index.json"} <= set(files)
    endings = {Path(name).suffix for name in files}
    assert endings == {"", ".md", ".py", ".txt", ".js", ".css", ".json", ".parquet", ".safetensors"}
    card = header(hub)
    assert card["models"] == [REPO]
    assert "datasets" not in card
    (preloaded,) = card["preload_from_hub"]
    assert re.fullmatch(rf"{REPO} [\w.,-]*model.safetensors[\w.,-]* {published.commit}", preloaded)
    assert (card["sdk"], card["app_file"], card["python_version"]) == ("gradio", "app.py", "3.11")
    assert not bring().changed
    assert len(api.list_repo_commits(SPACE, repo_type="space")) == 2


def test_metadata_of_the_owner_survive(bring, hub, api):
    api.create_repo(SPACE, repo_type="space", space_sdk="gradio")
    mine = {
        "license": "mit",
        "tags": ["medical"],
        "hf_oauth": True,
        "short_description": "Of mine",
        "title": "by the Hub",
    }
    write(api, {"sdk": "gradio"} | mine)
    bring()
    first = header(hub)
    assert first["title"] == "Fill in, or group?"
    assert {key: first[key] for key in mine if key != "title"} == {key: mine[key] for key in mine if key != "title"}
    write(api, first | {"title": "Mine", "emoji": "🐸", "suggested_hardware": "cpu-basic", "sdk_version": "1.0"})
    bring()
    again = header(hub)
    assert (again["title"], again["emoji"], again["suggested_hardware"]) == ("Mine", "🐸", "cpu-basic")
    assert again["sdk_version"] == first["sdk_version"]  # by which it runs
    assert not bring().changed


def write(api, data: dict) -> None:
    card = f"---\n{yaml.safe_dump(data)}---\n# Mine\n".encode()
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=SPACE, repo_type="space")


def test_the_header_fits_what_is_installed():
    import gradio

    template = yaml.safe_load((ROOT / "spaces/ssl_vs_clustering/README.md").read_text().split("---\n")[1])
    assert template["sdk_version"] == gradio.__version__
    assert len(template["short_description"]) <= 60
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    needed = (ROOT / "spaces/ssl_vs_clustering/requirements.txt").read_text().split()
    known, wanted = (dict(re.match(r"([\w-]+)(.*)", line).groups() for line in lines) for lines in (project, needed))
    assert {name: known.get(name, versions) for name, versions in wanted.items()} == wanted


def test_nothing_of_ones_own_disk_and_no_token_is_committed(bring, hub, run_folder):
    bring()
    commit = hub.store.find(hub.store.repo("spaces", SPACE), "main")
    private = [str(ROOT), str(run_folder.parent), os.environ["HF_HOME"], "hf_alice", "/tmp/", str(Path.home()) + "/"]
    for name, entry in commit.files.items():
        content = hub.store.content(entry)
        source = name.startswith("hf_ssl/") or name == "app.py"  # may speak of /tmp in general
        assert not [part for part in private if part.encode() in content and not (source and part == "/tmp/")], name


def test_what_is_gone_is_removed_and_nothing_else(bring, hub, api):
    bring()
    record = json.loads(text_of(hub, "deployed.json"))
    stale = {"deployed.json": json.dumps(record | {"files": [*record["files"], "page/old.js"]}), "page/old.js": "1"}
    for name, content in (stale | {"notes.txt": "of mine"}).items():
        api.upload_file(path_or_fileobj=content.encode(), path_in_repo=name, repo_id=SPACE, repo_type="space")
    assert bring().changed
    assert "page/old.js" not in spaces(hub)[SPACE]
    assert "notes.txt" in spaces(hub)[SPACE]
    assert bring(replace=True).changed
    assert "notes.txt" not in spaces(hub)[SPACE]
    assert ".gitattributes" in spaces(hub)[SPACE]


def test_figures_of_a_comparison(bring, hub, tmp_path):
    folder, settings = tmp_path / "compared", {"dataset_name": SENTENCES}
    results = write_comparison(folder, settings)
    bring(comparison=[folder])
    (part,) = json.loads(text_of(hub, "index/demo.json"))["parts"]
    assert (part["sentence"], part["source"]) == ("Take TF-IDF.", "from the comparison compared")
    (row,) = part["table"]["rows"]
    assert (row["title"], row["cells"]) == ("TF-IDF", results.methods["tfidf"].figures)
    for other in ({"dataset_name": "alice/other"}, {"dataset_config": "another"}, {"eval_split": "test"}):
        (folder / "config.yaml").write_text(json.dumps(settings | other))
        with pytest.raises(UserError, match="compares on no rows that the Space shows"):
            bring(comparison=[folder])
    (folder / "results.json").unlink()
    with pytest.raises(UserError, match="holds no finished comparison; leave it out"):
        bring(comparison=[folder])


def test_a_space_that_something_else_made(bring, hub, api):
    api.create_repo(SPACE, repo_type="space", space_sdk="gradio")
    api.upload_file(path_or_fileobj=b"mine", path_in_repo="app.py", repo_id=SPACE, repo_type="space")
    with pytest.raises(UserError, match=f"{SPACE} is a Space that something else made, .* or --replace"):
        bring()
    assert text_of(hub, "app.py") == "mine"
    assert bring(replace=True).changed
    assert "gradio" in text_of(hub, "app.py")


def test_a_private_space(bring, hub):
    bring(space="hidden", private=True)
    assert hub.store.repo("spaces", "alice/hidden").private
    bring()
    with pytest.raises(UserError, match=f"{SPACE} exists and is public, not private; give another --space"):
        bring(private=True)


def test_refusals(bring, hub, api, run_folder, monkeypatch):
    def refused(match, **options):
        with pytest.raises(UserError, match=match) as caught:
            bring(**options)
        assert "\n" not in str(caught.value)
        assert not spaces(hub)

    monkeypatch.delenv("HF_TOKEN", raising=False)
    refused("no token for the Hub; log in", api=HfApi(hub.url, token=None))
    refused("this token for the Hub may only read", api=HfApi(hub.url, token="hf_alice_read"))
    refused(
        "cannot write to bob/shown .*: the token has no permission there; .* give another --space", space="bob/shown"
    )
    refused("'a name' cannot be the name of a space on the Hub: .*; give a valid --space", space="a name")
    refused("there is nothing to show", model=None, dataset=None)
    refused("is a folder; publish it with scripts/publish.py", model=str(run_folder))
    refused("is on this machine only; publish it with scripts/publish.py", run=[run_folder])
    refused("'.*' is on this machine only; put it on the Hub", dataset=str(run_folder))
    refused("compares on no rows that the Space shows", comparison=[run_folder])
    refused("no such model on the Hub that may be read", model="alice/nothing")
    api.create_repo("alice/secret", private=True)
    refused("'alice/secret' is private, and a Space has no token", model="alice/secret")
    api.create_repo("alice/gated")
    api.update_repo_settings("alice/gated", gated="auto")
    refused("'alice/gated' is gated, and a Space has no token", model="alice/gated")
    api.create_repo("alice/rows", repo_type="dataset", private=True)
    refused("'alice/rows' is not open to all, and the Space would show its rows", dataset="alice/rows")
    refused("cannot read the data set 'alice/none'", dataset="alice/none")
    with pytest.raises(UserError, match="name the Space with --space"):
        SpaceArguments()


def test_a_server_that_dies_at_the_commit(bring, hub, api, pauses):
    bring()
    whole = hub.store.find(hub.store.repo("spaces", SPACE), "main").files
    api.delete_file("page/ask.js", SPACE, repo_type="space")
    fault = hub.faults.plan("POST .*/spaces/.*/commit", times=1000, drop="before")
    with pytest.raises(UserError, match=f"{SPACE} was not deployed .*: python scripts/deploy_space.py --space {SPACE}"):
        bring(seconds=2.0)
    assert fault.hits
    assert spaces(hub)[SPACE] == sorted(set(whole) - {"page/ask.js"})
    hub.faults.clear()
    hub.faults.plan("POST .*/spaces/.*/commit", times=1, drop="after")  # it is there, but nobody says so
    bring()
    assert hub.store.find(hub.store.repo("spaces", SPACE), "main").files == whole
    assert len(api.list_repo_commits(SPACE, repo_type="space")) == 4


def test_somebody_commits_meanwhile(bring, hub, api, pauses):
    bring()
    api.delete_file("page/ask.js", SPACE, repo_type="space")
    fault = hub.faults.plan("POST .*/spaces/.*/commit", times=1, status=412)
    assert bring().changed
    assert fault.hits
    assert "page/ask.js" in spaces(hub)[SPACE]
