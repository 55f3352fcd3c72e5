"""The Hub of these tests, asked by the real client: what it must answer, for all kinds of repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

REPO = "alice/thing"
KINDS = ["model", "dataset", "space"]


@pytest.fixture(params=KINDS)
def kind(request, api):
    sdk = {"space_sdk": "static"} if request.param == "space" else {}
    api.create_repo(REPO, repo_type=request.param, **sdk)
    return {"repo_type": request.param}


def test_files_branches_and_tags(api, kind, tmp_path):
    folder = tmp_path / "mine"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "weights.safetensors").write_bytes(b"0123456789" * 1000)
    (folder / "empty").write_bytes(b"")
    first = api.upload_folder(repo_id=REPO, folder_path=folder, **kind)
    again = api.upload_folder(repo_id=REPO, folder_path=folder, **kind)
    assert again.oid == first.oid
    api.create_tag(REPO, tag="v1", **kind)
    api.create_branch(REPO, branch="side/way", **kind)
    api.upload_file(path_or_fileobj=b"x", path_in_repo="more", repo_id=REPO, revision="side/way", **kind)
    api.delete_file("empty", REPO, **kind)
    assert "empty" not in api.list_repo_files(REPO, **kind)
    assert {"empty", "a/b/weights.safetensors"} <= set(api.list_repo_files(REPO, revision="v1", **kind))
    assert "more" in api.list_repo_files(REPO, revision="side/way", **kind)
    assert [entry.path for entry in api.list_repo_tree(REPO, "a", **kind)] == ["a/b"]
    refs = api.list_repo_refs(REPO, **kind)
    assert [ref.name for ref in refs.branches] == ["main", "side/way"]
    assert refs.tags[0].target_commit == first.oid
    assert len(api.list_repo_commits(REPO, **kind)) == 3
    path = api.hf_hub_download(REPO, "a/b/weights.safetensors", revision="v1", cache_dir=tmp_path / "cache", **kind)
    assert Path(path).read_bytes() == b"0123456789" * 1000


def test_ranges(api, hub):
    api.create_repo(REPO)
    api.upload_file(path_or_fileobj=bytes(range(256)) * 40, path_in_repo="x.bin", repo_id=REPO)
    files = HfFileSystem(endpoint=hub.url, token="hf_alice_write", skip_instance_cache=True)
    with files.open(f"{REPO}/x.bin", block_size=64) as file:
        file.seek(1000)
        assert file.read(10) == (bytes(range(256)) * 40)[1000:1010]
    assert any(record.status == 206 for record in hub.log)


def test_a_stale_parent_and_content_that_never_came(api):
    api.create_repo(REPO)
    old = api.model_info(REPO).sha
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO)
    with pytest.raises(HfHubHTTPError, match="412"):
        api.upload_file(path_or_fileobj=b"y", path_in_repo="y", repo_id=REPO, parent_commit=old)
    with pytest.raises(BadRequestError):
        api.delete_file("nothing", REPO)
    assert set(api.list_repo_files(REPO)) == {".gitattributes", "x"}


def test_who_may_what(api, hub, kind):
    reader, bob, nobody = (HfApi(hub.url, token=token) for token in ("hf_alice_read", "hf_bob_write", False))
    api.update_repo_settings(REPO, private=True, **kind)
    assert reader.repo_info(REPO, **kind).private
    for stranger in (bob, nobody):
        with pytest.raises(RepositoryNotFoundError):
            stranger.repo_info(REPO, **kind)
    with pytest.raises(HfHubHTTPError, match="403"):
        reader.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO, **kind)
    api.update_repo_settings(REPO, private=False, gated="auto", **kind)
    with pytest.raises(GatedRepoError):
        bob.auth_check(REPO, **kind)
    del hub.accounts.tokens["hf_alice_write"]
    with pytest.raises(HfHubHTTPError, match="401"):
        api.repo_info(REPO, **kind)


def test_what_is_not_there(api, kind, tmp_path):
    with pytest.raises(RepositoryNotFoundError):
        api.repo_info("alice/nothing", **kind)
    with pytest.raises(RevisionNotFoundError):
        api.repo_info(REPO, revision="nowhere", **kind)
    with pytest.raises(RemoteEntryNotFoundError):
        api.hf_hub_download(REPO, "nothing", cache_dir=tmp_path, **kind)
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(REPO, **kind, **({"space_sdk": "static"} if kind["repo_type"] == "space" else {}))
    api.move_repo(REPO, "alice/other", **kind)
    api.delete_repo("alice/other", **kind)
    assert not api.repo_exists("alice/other", **kind)


def test_a_server_started_again_finds_its_repositories(api, hub):
    from hub_server.server import HubServer

    api.create_repo(REPO)
    with HubServer(hub.store.folder) as again:
        assert HfApi(again.url, token="hf_bob_write").model_info(REPO).id == REPO
