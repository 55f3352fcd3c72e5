"""What is asked before training: each refusal is one sentence, and nothing was made."""

from __future__ import annotations

import pytest
from conftest import SMALL, run
from huggingface_hub import HfApi

from hf_ssl.common.errors import UserError
from hf_ssl.hub.access import open_repository
from hf_ssl.hub.arguments import HubPlace


def opened(api, name, folder, private, run):
    place = HubPlace(hub_model_id=name, hub_private=private)
    return open_repository(api, place, folder, run or "ours", replace=run is None)


def test_a_repository_is_made(hub, api, tmp_path):
    assert opened(api, "mine", tmp_path, private=True, run=None).id == "alice/mine"
    assert hub.store.repo("models", "alice/mine").private
    assert opened(api, "alice/mine", tmp_path, private=False, run=None).private  # it stays as it is
    assert opened(api, None, tmp_path / "named", private=False, run=None).id == "alice/named"


@pytest.mark.parametrize(
    ("token", "name", "match"),
    [
        (None, "mine", "no token for the Hub; log in"),
        ("hf_alice_read", "mine", "this token for the Hub may only read"),
        ("hf_carol_only_reads", "mine", "this token for the Hub may only read"),
        ("hf_carol_only_asks", "mine", "this token for the Hub may only read"),
        ("hf_carol_one_repo", "acme/other", "cannot write to acme/other .*: the token has no permission there"),
        ("hf_carol_write", "readers/mine", "cannot write to readers/mine .*: the token has no permission there"),
        ("hf_unknown", "mine", "the token is invalid or has expired"),
        ("hf_alice_write", "bob/mine", "cannot write to bob/mine .*: the token has no permission there; give it one"),
        ("hf_alice_write", "a name", "'a name' cannot be the name of a model"),
        ("hf_alice_write", "a/b/c", "'a/b/c' cannot be the name of a model"),
        ("hf_alice_write", "--x", "'--x' cannot be the name of a model"),
    ],
)
def test_refusals(token, name, match, hub, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(UserError, match=match):
        opened(HfApi(hub.url, token=token), name, tmp_path, private=False, run=None)
    assert not list(hub.store.repos("models"))


def test_what_should_be_private_is_not_made_public(hub, api, tmp_path):
    api.create_repo("alice/open")
    with pytest.raises(UserError, match="alice/open exists and is public, not private; give another --hub_model_id"):
        opened(api, "open", tmp_path, private=True, run=None)


def test_a_repository_of_others(hub, api, tmp_path):
    HfApi(hub.url, token="hf_bob_write").create_repo("bob/theirs")
    with pytest.raises(UserError, match="cannot write to bob/theirs"):
        opened(api, "bob/theirs", tmp_path, private=False, run=None)


def test_what_another_run_published(hub, api, tmp_path):
    api.create_repo("alice/taken")
    api.upload_file(path_or_fileobj=b'{"run": "theirs"}', path_in_repo="results.json", repo_id="alice/taken")
    assert opened(api, "taken", tmp_path, private=False, run="theirs").files
    for results in (b'{"run": "theirs"}', b"[]", b"\xff\xfe", b"{"):
        api.upload_file(path_or_fileobj=results, path_in_repo="results.json", repo_id="alice/taken")
        with pytest.raises(UserError, match="alice/taken holds a model that another run published"):
            opened(api, "taken", tmp_path, private=False, run="ours")
    hub.faults.plan("GET .*/resolve/.*results.json", times=2, drop="before")
    assert opened(api, "taken", tmp_path, private=False, run=None).id == "alice/taken"


def test_nobody_there(tmp_path, monkeypatch):
    monkeypatch.setattr("hf_ssl.hub.access.BRIEF", 0.0)
    with pytest.raises(UserError, match="is http://127.0.0.1:9 reachable"):
        opened(HfApi("http://127.0.0.1:9", token="hf_x"), "mine", tmp_path, private=False, run=None)


@pytest.mark.slow
def test_a_run_that_cannot_be_published_is_not_begun(hub, tmp_path, parquet):
    flags = [*SMALL, "--dataset_name", parquet, "--output_dir", tmp_path / "run", "--push_to_hub"]
    environment = hub.environment(tmp_path / "home", "hf_alice_read")
    result = run(*flags, cache=tmp_path / "home", environment=environment)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: this token for the Hub may only read")
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()
